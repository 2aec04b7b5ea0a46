"""Write the report of a study: one HTML page that opens without a network."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.evaluation.arguments import add_missing_argument, missing_lines
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS
from lad.evaluation.daemons import GAIN_COLUMNS
from lad.evaluation.landscape_curves import SUMMARY_COLUMNS
from lad.evaluation.scores import read_scores
from lad.evaluation.series import Comparison, parse_simulations, read_at, read_simulated
from lad.evaluation.study import STATES_COLUMNS, chosen, lowest_losses, parse_histories, read_histories
from lad.io import read_table
from lad.observations import read_observed
from lad.periods import read_periods
from lad.provenance import provenance
from lad.report.conclusions import Conclusion, of_daemons, of_landscapes
from lad.report.files import EXPERIMENTS, shown
from lad.report.page import Links, Section, render
from lad.report.plots import Plot, timeseries
from lad.report.sections import origin_section, study_sections, summary
from lad.tables import Table, write_text
from lad.towers.product import describe

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
    differences, states = (
        read_table(args.differences, DIFFERENCE_COLUMNS),
        read_table(args.states, STATES_COLUMNS),
    )
    histories = parse_histories(args.history)
    validation = lowest_losses(read_histories(histories))
    files = _files(args.file, [STUDY, *sites])
    drawn = {*DRAWN, chosen(validation)}
    experiments = [part for site in sites for part in shown(_named(files[site], own=False), site)]
    sections = [
        *([Section("Missing", missing_lines(args.missing))] if args.missing else []),
        *study_sections(scores, differences, states, validation, _experiments(args)),
        *([Section("Figures and tables", shown(files[STUDY]))] if files[STUDY] else []),
        *([Section("Solvers", experiments)] if experiments else []),
        *_site_sections(args, sites, drawn, files),
    ]
    inputs = {"scores": args.scores, "differences": args.differences, "states": args.states}
    inputs |= {f"history {'/'.join(key)}": path for key, path in histories.items()}
    for name in ("daemons", "landscape"):
        inputs |= {f"{site} {name}": path for site, path in _by_site(name, getattr(args, name)).items()}
    inputs |= {
        f"{section} {Path(path).parent.name}/{Path(path).name}": path
        for section in files
        for path in files[section]
    }
    origin = provenance(inputs, study=args.study)
    sections.append(origin_section(origin, args.citations.read_text(encoding="utf-8"), args.settings))
    write_text(args.output, render(f"Study {args.study}", summary(scores), sections, origin))


def _site_sections(
    args: argparse.Namespace, sites: Sequence[str], drawn: set[str], files: Mapping[str, Sequence[str]]
) -> list[Section]:
    """A section for each site, or one that points to their pages."""
    if args.page:
        pages = {site: _of_site("page", args.page, site) for site in sites}
        addresses = {site: os.path.relpath(page, args.output.parent) for site, page in pages.items()}
        return [Section("Sites", [Links(addresses)])]
    return [
        Section(site, [_record(args, site), _plot(args, site, drawn), *shown(_named(files[site], own=True))])
        for site in sites
    ]


def _record(args: argparse.Namespace, site: str) -> Table:
    """What the record of a site is, and how much of it and of its test period was measured."""
    forcing, observations = (
        _of_site(name, getattr(args, name), site) for name in ("forcing", "observations")
    )
    test = read_periods(_of_site("periods", args.periods, site), "test")["test"]
    parts = {"": describe(forcing, observations), "test: ": describe(forcing, observations, test)}
    frame = pd.concat(
        [
            pd.DataFrame.from_dict(part["shares"], orient="index").add_prefix(name)
            for name, part in parts.items()
        ],
        axis=1,
    )
    caption = f"{parts['']['product']}. % of the half-hours of the record, and of its test period."
    return Table.of(frame.rename_axis("variable").reset_index(), "Record", caption)


def _files(texts: Sequence[str], sections: Sequence[str]) -> dict[str, list[str]]:
    """`["US-Wkg=scatter.png", …]` by section, in the given order."""
    files: dict[str, list[str]] = {section: [] for section in sections}
    for text in texts:
        section, _, path = text.partition("=")
        if section not in files or not path:
            raise InputError(f"file {text!r}: expected SECTION=FILE, with a section of {', '.join(files)}")
        files[section].append(path)
    return files


def _experiments(args: argparse.Namespace) -> list[Conclusion]:
    """What the experiments with solvers found, those that the study has."""
    found = []
    if args.daemons:
        tables = [read_table(path, GAIN_COLUMNS) for path in _by_site("daemons", args.daemons).values()]
        found.append(of_daemons(pd.concat(tables, ignore_index=True)))
    if args.landscape:
        tables = _by_site("landscape", args.landscape).items()
        found.append(of_landscapes({site: read_table(path, SUMMARY_COLUMNS) for site, path in tables}))
    return found


def _named(paths: Sequence[str], own: bool) -> list[str]:
    """The files of a site that are its own, or those of the experiments with solvers."""
    return [path for path in paths if (Path(path).name in EXPERIMENTS) != own]


def _by_site(option: str, texts: Sequence[str]) -> dict[str, str]:
    """`["US-Wkg=gains.csv", …]`, values of an option, as site → file."""
    files = dict(text.partition("=")[::2] for text in texts)
    for site, path in files.items():
        if not path:
            raise InputError(f"--{option} {site}: expected SITE=FILE")
    return files


def _of_site(option: str, texts: Sequence[str], site: str) -> str:
    """The file that an option gives for a site."""
    files = _by_site(option, texts)
    if site not in files:
        raise InputError(f"--{option} {' '.join(texts)}: has no file of {site}, expected {site}=FILE")
    return files[site]


def _plot(args: argparse.Namespace, site: str, drawn: set[str]) -> Plot:
    """Time series of a site's test period."""
    observations, forcing, periods = (
        _of_site(name, getattr(args, name), site) for name in ("observations", "forcing", "periods")
    )
    test = read_periods(periods, "test")["test"]
    observed = read_observed(observations, site).during(test, observations)
    own = [text.removeprefix(f"{site}/") for text in args.simulation if text.startswith(f"{site}/")]
    simulated = read_simulated(parse_simulations(own), site, observed.time)
    fallen = read_at(forcing, site, ("Rainf", "Snowf"), observed.time)
    return timeseries(Comparison(site, observed, simulated), sum(fallen.values()), drawn)
