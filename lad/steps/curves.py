"""Courses of the trainings of a study: what the choice of models and settings may go by, without any test period."""

import argparse
from pathlib import Path

from lad.evaluation.courses import parse_histories, read_histories, validation_text
from lad.evaluation.missing import add_missing_argument, missing_note
from lad.evaluation.saving import save
from lad.evaluation.study_figures import learning_curves
from lad.io import replacing
from lad.provenance import provenance


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
    save(
        args.figure,
        learning_curves(histories),
        provenance({"/".join(key): path for key, path in paths.items()}),
    )
    with replacing(args.table) as temporary:
        temporary.write_text(missing_note(args.missing) + validation_text(histories), encoding="utf-8")
