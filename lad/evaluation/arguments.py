"""Command-line options that scores, figures and tables share."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from lad.errors import InputError


def add_comparison_arguments(parser: argparse.ArgumentParser, forcing: str) -> None:
    """Site and files of a comparison; `forcing` names the variables needed of the forcing file."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument("--observations", type=Path, required=True, help="netCDF file with Qle, Qh and flags")
    parser.add_argument("--forcing", type=Path, required=True, help=f"netCDF file with {forcing}")
    parser.add_argument(
        "--simulation", nargs="+", required=True, metavar="NAME=FILE", help="NAME is MODEL or MODEL/SEED"
    )


def comparison_inputs(args: argparse.Namespace, simulations: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """Files of a comparison by their role in it, for its record of origin."""
    return {"observations": args.observations, "forcing": args.forcing} | inputs_of_seeds(
        "simulation", simulations
    )


def inputs_of_seeds(role: str, files_of: Mapping[str, Mapping[str, Path]]) -> dict[str, Path]:
    """Files of models and seeds, by their role."""
    return {
        f"{role} {model}{seed and '/'}{seed}": path
        for model, files in files_of.items()
        for seed, path in files.items()
    }


def named_files(texts: list[str]) -> dict[str, str]:
    """`["NAME=FILE", …]` as a dictionary; raises InputError on anything else."""
    pairs = dict(text.partition("=")[::2] for text in texts)
    if not all(name and path for name, path in pairs.items()):
        raise InputError(f"{' '.join(texts)}: expected NAME=FILE")
    return pairs


def by_seed(texts: list[str], option: str, kind: str) -> dict[str, dict[str, Path]]:
    """`["US-Wkg/0=seed0.eqx", …]` of an option as fold or model (`kind`) → seed → file; else InputError."""
    networks: dict[str, dict[str, Path]] = {}
    for name, path in named_files(texts).items():
        fold, slash, seed = name.partition("/")
        if not slash:
            raise InputError(f"{option} {name}: expected {kind}/SEED=FILE")
        networks.setdefault(fold, {})[seed] = Path(path)
    return networks


def add_missing_argument(parser: argparse.ArgumentParser) -> None:
    """The option that names a site missing from the tables of a study because a step failed there."""
    parser.add_argument(
        "--missing", action="append", default=[], metavar="SITE=WHY", help="a missing site, and why"
    )


def missing_lines(texts: Sequence[str]) -> list[str]:
    """`["US-Wkg=train failed", …]` as lines for readers; raises InputError on anything else."""
    lines = []
    for text in texts:
        site, _, why = text.partition("=")
        if not (site and why):
            raise InputError(f"--missing {text!r}: expected SITE=WHY")
        lines.append(f"{site}: {why}")
    return lines
