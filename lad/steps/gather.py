"""Gather the scores of several sites in one file and one table."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lad.evaluation.arguments import add_missing_argument, missing_lines
from lad.evaluation.models import too_many
from lad.evaluation.scores import read_scores
from lad.io import read_json, write_csv, write_json
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.scores import records_tables, score_tables
from lad.towers.fetch import citations


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad gather`."""
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="scores.csv of each site")
    parser.add_argument("--sources", type=Path, nargs="+", default=[], help="source.json of each site")
    parser.add_argument("--citations", type=Path, help="text file with what to cite for the data")
    parser.add_argument(
        "--title", default="Scores on the test periods", help="heading of the table (default %(default)r)"
    )
    parser.add_argument("--output", type=Path, required=True, help="scores.csv; scores.json goes beside it")
    parser.add_argument("--table", type=Path, required=True, help="Markdown file with the table for readers")
    add_missing_argument(parser)


def _records(paths: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Description of each site's record, from the files that `lad evaluate` writes beside its scores."""
    beside = [path.with_suffix(".json") for path in paths]
    found = [read_json(path) for path in beside if path.exists()]
    return {own["settings"]["site"]: own["record"] for own in found if "record" in own}


def run(args: argparse.Namespace) -> None:
    """Write both files and, beside the scores, what they were made from."""
    scores = read_scores(args.scores)
    parts = [*score_tables(scores), *records_tables(_records(args.scores), too_many(scores.site))]
    write_text(args.table, document(args.title, parts, missing_lines(args.missing)))
    if args.citations:
        write_text(args.citations, citations([read_json(path) for path in args.sources]))
    inputs = {f"scores {number}": path for number, path in enumerate(args.scores, start=1)}
    write_json(args.output.with_suffix(".json"), provenance(inputs, missing=args.missing))
    write_csv(args.output, scores)
