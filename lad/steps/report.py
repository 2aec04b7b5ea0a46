"""Write the report of a study: one HTML page that opens without a network."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.arguments import add_missing_argument, missing_lines, named_files
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS
from lad.evaluation.scores import read_scores
from lad.evaluation.solvers import GAIN_COLUMNS, SUMMARY_COLUMNS
from lad.evaluation.study import STATES_COLUMNS, chosen, lowest_losses, parse_histories, read_histories
from lad.io import read_table
from lad.provenance import provenance
from lad.report.conclusions import solver_conclusions
from lad.report.files import EXPERIMENTS, shown
from lad.report.page import Links, Section, render
from lad.report.sections import origin_section, site_section, study_sections, summary
from lad.tables import write_text

STUDY = "study"
DRAWN = ("bulk", "mlp")  # and the chosen model; the others when they are asked for


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
    differences = read_table(args.differences, DIFFERENCE_COLUMNS)
    states = read_table(args.states, STATES_COLUMNS)
    histories = parse_histories(args.history)
    validation = lowest_losses(read_histories(histories))
    files = _files(args.file, [STUDY, *sites])
    solvers = {site: [path for path in files[site] if Path(path).name in EXPERIMENTS] for site in sites}
    experiments = [part for site in sites for part in shown(solvers[site], site)]
    gains, landscapes = named_files(args.daemons), named_files(args.landscape)
    found = solver_conclusions(
        {site: read_table(path, GAIN_COLUMNS) for site, path in gains.items()},
        {site: read_table(path, SUMMARY_COLUMNS) for site, path in landscapes.items()},
    )
    sections = [
        *([Section("Missing", missing_lines(args.missing))] if args.missing else []),
        *study_sections(scores, differences, states, validation, found),
        *([Section("Figures and tables", shown(files[STUDY]))] if files[STUDY] else []),
        *([Section("Solvers", experiments)] if experiments else []),
    ]
    if args.page:
        pages = {site: os.path.relpath(_of_site(args, "page", site), args.output.parent) for site in sites}
        sections.append(Section("Sites", [Links(pages)]))
    else:
        for site in sites:
            sources = {name: _of_site(args, name, site) for name in ("observations", "forcing", "periods")}
            own = [text.removeprefix(f"{site}/") for text in args.simulation if text.startswith(f"{site}/")]
            rest = [path for path in files[site] if path not in solvers[site]]
            drawn = {*DRAWN, chosen(validation)}
            sections.append(site_section(site, **sources, simulations=own, drawn=drawn, files=rest))
    inputs = {"scores": args.scores, "differences": args.differences, "states": args.states}
    inputs |= {f"history {'/'.join(key)}": path for key, path in histories.items()}
    inputs |= {f"{site} daemons": path for site, path in gains.items()}
    inputs |= {f"{site} landscape": path for site, path in landscapes.items()}
    inputs |= {
        f"{section} {Path(path).parent.name}/{Path(path).name}": path
        for section in files
        for path in files[section]
    }
    origin = provenance(inputs, study=args.study)
    sections.append(origin_section(origin, args.citations.read_text(encoding="utf-8"), args.settings))
    write_text(args.output, render(f"Study {args.study}", summary(scores), sections, origin))


def _files(texts: Sequence[str], sections: Sequence[str]) -> dict[str, list[str]]:
    """`["US-Wkg=scatter.png", …]` by section, in the given order."""
    files: dict[str, list[str]] = {section: [] for section in sections}
    for text in texts:
        section, _, path = text.partition("=")
        if section not in files or not path:
            raise InputError(f"file {text!r}: expected SECTION=FILE, with a section of {', '.join(files)}")
        files[section].append(path)
    return files


def _of_site(args: argparse.Namespace, option: str, site: str) -> str:
    """The file that an option gives for a site."""
    texts = getattr(args, option)
    files = named_files(texts)
    if site not in files:
        raise InputError(f"--{option} {' '.join(texts)}: has no file of {site}, expected {site}=FILE")
    return files[site]
