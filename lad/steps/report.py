"""Write the report of a study: one HTML page that opens without a network."""

import argparse
import json
import os
from pathlib import Path

from lad.evaluation.arguments import (
    add_missing_argument,
    file_of,
    files_by_section,
    missing_lines,
    named_files,
)
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS
from lad.evaluation.daemons import GAIN_COLUMNS
from lad.evaluation.landscape_curves import SUMMARY_COLUMNS
from lad.evaluation.scores import read_scores
from lad.evaluation.study import STATES_COLUMNS, lowest_losses, parse_histories, read_histories
from lad.io import read_table
from lad.provenance import provenance
from lad.report.conclusions import solver_conclusions
from lad.report.study import STUDY, SiteFiles, study_page
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
        help="pages of the sites, to which this one points instead of showing them",
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


def run(args: argparse.Namespace) -> None:
    """Write the page."""
    scores = read_scores([args.scores])
    sites = list(dict.fromkeys(scores.site))
    histories, files = parse_histories(args.history), files_by_section(args.file, [STUDY, *sites])
    gains, landscapes = named_files(args.daemons), named_files(args.landscape)
    inputs = {"scores": args.scores, "differences": args.differences, "states": args.states}
    inputs |= {f"history {'/'.join(key)}": path for key, path in histories.items()}
    inputs |= {f"{site} daemons": path for site, path in gains.items()}
    inputs |= {f"{site} landscape": path for site, path in landscapes.items()}
    inputs |= {
        f"{section} {Path(path).parent.name}/{Path(path).name}": path
        for section, paths in files.items()
        for path in paths
    }
    pages, shown = {}, {}
    for site in sites:
        if args.page:
            pages[site] = os.path.relpath(file_of(args, "page", site), args.output.parent)
        else:
            own = [text.removeprefix(f"{site}/") for text in args.simulation if text.startswith(f"{site}/")]
            shown[site] = SiteFiles(*(file_of(args, name, site) for name in SiteFiles._fields[:3]), own)
    page = study_page(
        args.study,
        scores,
        read_table(args.differences, DIFFERENCE_COLUMNS),
        read_table(args.states, STATES_COLUMNS),
        lowest_losses(read_histories(histories)),
        solvers=solver_conclusions(
            {site: read_table(path, GAIN_COLUMNS) for site, path in gains.items()},
            {site: read_table(path, SUMMARY_COLUMNS) for site, path in landscapes.items()},
        ),
        files=files,
        sites=shown,
        pages=pages,
        missing=missing_lines(args.missing),
        citations=args.citations.read_text(encoding="utf-8"),
        settings=args.settings,
        origin=provenance(inputs, study=args.study),
    )
    write_text(args.output, page)
