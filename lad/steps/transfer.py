"""Score the empirical models of PLUMBER at each site of a study, fitted on all its other sites.

Files are given in the order of the sites.
"""

import argparse
from pathlib import Path

from lad.baselines.transfer import transfer
from lad.errors import InputError
from lad.io import write_csv, write_json
from lad.periods import NAMES, periods_from
from lad.provenance import provenance

FILES = ("forcing", "observations", "periods")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad transfer`."""
    parser.add_argument("--site", nargs="+", required=True, help="site identifiers")
    parser.add_argument("--forcing", type=Path, nargs="+", required=True, help="forcing file of each site")
    parser.add_argument(
        "--observations", type=Path, nargs="+", required=True, help="measured fluxes of each site"
    )
    parser.add_argument(
        "--periods", type=Path, nargs="+", required=True, help="file of lad periods of each site"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="transfer.csv; transfer.json goes beside it"
    )


def run(args: argparse.Namespace) -> None:
    """Write the scores and, beside them, what they were made from."""
    files = {}
    for name in FILES:
        given = getattr(args, name)
        if len(given) != len(args.site):
            raise InputError(f"--{name}: {len(given)} files for {len(args.site)} sites")
        files[name] = dict(zip(args.site, given, strict=True))
    periods = {
        site: periods_from(argparse.Namespace(periods=path), *NAMES)
        for site, path in files["periods"].items()
    }
    scores = transfer(files["forcing"], files["observations"], periods)
    inputs = {f"{name} {site}": path for name in FILES for site, path in files[name].items()}
    write_json(args.output.with_suffix(".json"), provenance(inputs, sites=args.site))
    write_csv(args.output, scores)
