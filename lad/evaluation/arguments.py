"""Command-line options that scores and figures share."""

import argparse
from pathlib import Path


def add_comparison_arguments(parser: argparse.ArgumentParser, forcing: str) -> None:
    """Site and files of a comparison; `forcing` names the variables needed of the forcing file."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument("--observations", type=Path, required=True, help="netCDF file with Qle, Qh and flags")
    parser.add_argument("--forcing", type=Path, required=True, help=f"netCDF file with {forcing}")
    parser.add_argument(
        "--simulation", nargs="+", required=True, metavar="NAME=FILE", help="NAME is MODEL or MODEL/SEED"
    )


def comparison_inputs(args: argparse.Namespace, simulations: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """Files of a comparison by the role they play in it, for its record of origin."""
    return {"observations": args.observations, "forcing": args.forcing} | simulation_inputs(simulations)


def simulation_inputs(simulations: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """Simulation files by the role they play."""
    return {
        f"simulation {model}{seed and '/'}{seed}": path
        for model, files in simulations.items()
        for seed, path in files.items()
    }
