"""Write the report of a study: one HTML page that opens without a network."""

import argparse
import json
from pathlib import Path

from lad.evaluation.arguments import add_missing_argument, missing_lines, named_files
from lad.evaluation.study import parse_histories
from lad.report.study import STUDY, StudyFiles, study_page
from lad.tables import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad report`."""
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv of the study")
    parser.add_argument("--differences", type=Path, required=True, help="differences.csv of the study")
    parser.add_argument("--states", type=Path, required=True, help="states.csv of the study")
    parser.add_argument("--history", nargs="+", required=True, metavar="SITE/MODEL=CSV", help="of lad train")
    for name, content in {
        "observations": "Qle, Qh and flags",
        "forcing": "Rainf and Snowf",
        "periods": "test periods, of lad periods",
    }.items():
        parser.add_argument(f"--{name}", nargs="*", default=[], metavar="SITE=FILE", help=content)
    parser.add_argument(
        "--simulation", nargs="*", default=[], metavar="SITE/NAME=FILE", help="NAME is MODEL or MODEL/SEED"
    )
    parser.add_argument(
        "--page",
        nargs="*",
        default=[],
        metavar="SITE=FILE",
        help="pages of the sites, which this one links to instead of showing them",
    )
    parser.add_argument(
        "--file",
        nargs="*",
        default=[],
        metavar="SECTION=FILE",
        help=f"table (CSV), figure (PNG) or record (JSON) for the section of a site or for {STUDY}",
    )
    for name, content in {
        "daemons": "gains.csv of lad daemons",
        "landscape": "summary.csv of lad landscape",
    }.items():
        parser.add_argument(f"--{name}", nargs="*", default=[], metavar="SITE=CSV", help=content)
    parser.add_argument("--citations", type=Path, required=True, help="what to cite for the data (text)")
    parser.add_argument("--settings", type=json.loads, default={}, help="settings of models and fits (JSON)")
    add_missing_argument(parser)
    parser.add_argument("--output", type=Path, required=True, help="the page (HTML)")
    parser.add_argument("--conclusions", type=Path, help="its conclusions (Markdown)")


def run(args: argparse.Namespace) -> None:
    """Write the page, and its conclusions as a separate text."""
    study = StudyFiles(
        args.scores,
        args.differences,
        args.states,
        args.citations,
        histories=parse_histories(args.history),
        gains=named_files(args.daemons),
        landscapes=named_files(args.landscape),
        shown=args.file,
        sites={name: named_files(getattr(args, name)) for name in ("observations", "forcing", "periods")},
        simulations=args.simulation,
        pages=named_files(args.page),
    )
    missing = missing_lines(args.missing)
    page, found = study_page(args.study, study, missing, args.settings, args.output.parent)
    if args.conclusions:
        write_text(args.conclusions, found)
    write_text(args.output, page)
