"""The table of whole years left out: scores of each model in each fold, the best model first."""

import argparse
from pathlib import Path

import pandas as pd

from lad.evaluation.arguments import named_files
from lad.evaluation.scores import read_scores
from lad.tables import document, write_text
from lad.tables.study import years_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad years-table`."""
    parser.add_argument("--site", required=True, help="site identifier")
    parser.add_argument("--scores", nargs="+", required=True, metavar="FOLD=CSV", help="of lad years")
    parser.add_argument("--output", type=Path, required=True, help="table (Markdown)")


def run(args: argparse.Namespace) -> None:
    """Write it."""
    folds = {fold: read_scores([path]) for fold, path in named_files(args.scores).items()}
    scores = pd.concat([table.assign(fold=fold) for fold, table in folds.items()])
    write_text(args.output, document(f"{args.site}: years left out", years_tables(scores)))
