"""Courses of the trainings of a study: what the choice of models and settings may go by, without any test period."""

import argparse
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.evaluation.saving import save
from lad.evaluation.study_figures import learning_curves
from lad.evaluation.table import grid
from lad.io import read_table, replacing
from lad.provenance import provenance

COLUMNS = ["step", "member", "train_loss", "validation_loss"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad curves`."""
    parser.add_argument("--history", nargs="+", required=True, metavar="SITE/MODEL=CSV", help="of lad train")
    parser.add_argument("--figure", type=Path, required=True, help="learning curves (PNG)")
    parser.add_argument("--table", type=Path, required=True, help="lowest validation losses (Markdown)")


def run(args: argparse.Namespace) -> None:
    """Write both."""
    histories, paths = {}, {}
    for text in args.history:
        name, _, path = text.partition("=")
        site, _, model = name.partition("/")
        if not (site and model and path):
            raise InputError(f"history {text!r}: expected SITE/MODEL=FILE")
        histories[site, model], paths[name] = read_table(path, COLUMNS), path
    save(args.figure, learning_curves(histories), provenance(paths))
    with replacing(args.table) as temporary:
        temporary.write_text(_table(histories), encoding="utf-8")


def _table(histories: dict[tuple[str, str], pd.DataFrame]) -> str:
    """Mean over seeds, and range, of the lowest validation loss of each; mean over sites."""
    sites = list(dict.fromkeys(site for site, _ in histories))
    models = list(dict.fromkeys(model for _, model in histories))
    lines = [["model", *sites, "mean"]]
    for model in models:
        lowest = [histories[site, model].groupby("member").validation_loss.min() for site in sites]
        cells = [f"{x.mean():.4f} ({x.min():.4f} … {x.max():.4f})" for x in lowest]
        lines.append([model, *cells, f"{sum(x.mean() for x in lowest) / len(lowest):.4f}"])
    legend = "Lowest loss of a free run on the validation periods: mean over seeds (lowest … highest seed)."
    return f"# Validation\n\n{legend}\n\n{grid(lines)}\n"
