"""Learning curves of a study, by which models and settings may be chosen without any test period."""

import argparse
from pathlib import Path

from lad.evaluation.arguments import add_missing_argument, missing_lines
from lad.evaluation.study import lowest_losses, parse_histories, read_histories
from lad.figures.study import learning_curves
from lad.figures.style import save
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.study import validation_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad curves`."""
    parser.add_argument("--history", nargs="+", required=True, metavar="SITE/MODEL=CSV", help="of lad train")
    parser.add_argument("--figure", type=Path, required=True, help="learning curves (PNG)")
    parser.add_argument("--table", type=Path, required=True, help="lowest validation losses (Markdown)")
    add_missing_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Write both."""
    paths = parse_histories(args.history)
    histories = read_histories(paths)
    origin = provenance({"/".join(key): path for key, path in paths.items()})
    save(args.figure, learning_curves(histories), origin)
    parts = [validation_table(lowest_losses(histories))]
    write_text(args.table, document("Validation", parts, missing_lines(args.missing)))
