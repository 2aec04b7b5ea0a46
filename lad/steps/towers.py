"""Describe the towers of a study, and the skill of the models by type of vegetation."""

import argparse
from pathlib import Path

from lad.evaluation.arguments import named_files
from lad.evaluation.scores import read_scores
from lad.evaluation.towers import describe
from lad.figures import towers as figures
from lad.figures.style import save
from lad.io import write_csv
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad towers`."""
    parser.add_argument("--forcing", nargs="+", required=True, metavar="SITE=NC", help="of lad forcing")
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv of the study")
    parser.add_argument(
        "--output-directory", type=Path, required=True, help="receives towers.csv, towers.png, by_type.png"
    )


def run(args: argparse.Namespace) -> None:
    """Write them."""
    files, folder = named_files(args.forcing), args.output_directory
    towers, scores = describe(files), read_scores([args.scores])
    types = dict(zip(towers.site, towers.igbp, strict=True))
    origin = provenance(files | {"scores": args.scores})
    write_csv(folder / "towers.csv", towers.round(3))
    save(folder / "towers.png", figures.positions(towers), origin)
    save(folder / "by_type.png", figures.by_type(scores[scores.site.isin(types)], types), origin)
