"""The page of a study, put together from its files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from lad.errors import InputError
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS
from lad.evaluation.models import too_many
from lad.evaluation.scores import TRANSFER_COLUMNS, read_scores
from lad.evaluation.solvers import GAIN_COLUMNS, SUMMARY_COLUMNS
from lad.evaluation.strata import STRATA_COLUMNS
from lad.evaluation.study import STATES_COLUMNS, chosen, lowest_losses, read_histories
from lad.io import read_table
from lad.provenance import provenance
from lad.report.conclusions import (
    as_text,
    conclusions,
    of_closure,
    of_training,
    of_unseen,
)
from lad.report.files import read_known, shown
from lad.report.page import Links, Section, render
from lad.report.sections import (
    models_table,
    origin_section,
    site_in_words,
    site_section,
    study_sections,
    summary,
)
from lad.report.solvers import solver_conclusions
from lad.report.titles import EXPERIMENTS

STUDY = "study"
# The files of a study that are shown with the conclusions.
FIRST = ("towers.png", "rmse.png", "by_type.png", "multi_site.png", "fine_tuning.png")
DRAWN = ("bulk", "mlp")  # and the chosen model; the others when they are asked for


class StudyFiles(NamedTuple):
    """What the page of a study is made from."""

    scores: Path
    differences: Path
    states: Path
    citations: Path
    histories: Mapping[tuple[str, str], str]  # by site and model
    gains: Mapping[str, str]  # of solvers, by site
    landscapes: Mapping[str, str]  # by site
    shown: Sequence[str]  # SECTION=FILE, the section a site or `STUDY`
    sites: Mapping[str, Mapping[str, str]]  # observations, forcing and periods, each by site
    simulations: Sequence[str]  # SITE/MODEL=FILE or SITE/MODEL/SEED=FILE
    pages: Mapping[str, str]  # by site; if there are any, this page has no sections of sites


def study_page(
    name: str, study: StudyFiles, missing: Sequence[str], settings: Any, folder: Path
) -> tuple[str, str]:
    """The page as HTML, to be written in `folder`, and its conclusions. `missing`: lines on sites that it lacks.

    Raises InputError as the readers of the files do, and if a site has no file of a kind.
    """
    scores = read_scores([study.scores])
    sites = list(dict.fromkeys(scores.site))
    histories, files = read_histories(study.histories), _by_section(study.shown, sites)
    validation = lowest_losses(histories)
    solvers = {site: [path for path in files[site] if Path(path).name in EXPERIMENTS] for site in sites}
    experiments = [part for site in sites for part in shown(solvers[site], site)]
    differences = read_table(study.differences, DIFFERENCE_COLUMNS)
    states = read_table(study.states, STATES_COLUMNS)
    sentences, found = conclusions(scores, differences, states, validation)
    found.insert(1, of_training(histories, chosen(validation)))
    networks = _tables(files, "multi_site.csv", TRANSFER_COLUMNS)
    gains = _tables(files, "multi_site_differences.csv", DIFFERENCE_COLUMNS)
    if networks and gains:
        found.append(of_unseen(networks[STUDY], gains[STUDY]))
        sentences.append(found[-1].text)
    periods, strata = _tables(files, "periods.csv"), _tables(files, "strata.csv", STRATA_COLUMNS)
    found += of_closure(validation, periods, strata)
    found += solver_conclusions(
        {site: read_table(path, GAIN_COLUMNS) for site, path in study.gains.items()},
        {site: read_table(path, SUMMARY_COLUMNS) for site, path in study.landscapes.items()},
    )
    first = sorted(
        (path for path in files[STUDY] if Path(path).name in FIRST),
        key=lambda path: FIRST.index(Path(path).name),
    )
    rest = [path for path in files[STUDY] if path not in first]
    sections = [
        *([Section("Missing", missing)] if missing else []),
        *study_sections(
            scores,
            differences,
            states,
            validation,
            found,
            [*shown(first), models_table(scores, settings)],
        ),
        *([Section("Figures and tables", shown(rest))] if rest else []),
        *([Section("Solvers", experiments)] if experiments else []),
    ]
    if study.pages:
        pages = {site: os.path.relpath(_of_site(study.pages, "page", site), folder) for site in sites}
        sections.append(Section("Sites", [Links(pages)]))
    described = []
    for site in () if study.pages else sites:
        sources = {kind: _of_site(paths, kind, site) for kind, paths in study.sites.items()}
        described.append(site_in_words(site, sources["forcing"], sources["periods"]))
        own = [text.removeprefix(f"{site}/") for text in study.simulations if text.startswith(f"{site}/")]
        rest = [path for path in files[site] if path not in solvers[site]]
        drawn = {*DRAWN, chosen(validation)}
        sections.append(site_section(site, **sources, simulations=own, drawn=drawn, files=rest))
    origin = provenance(_inputs(study, files), study=name)
    sections.append(origin_section(origin, study.citations.read_text(encoding="utf-8"), settings))
    places = f"{len(sites)} towers" if too_many(sites) else ", ".join(sites)
    title = f"{'' if sites == [name] else f'Study {name}: '}hybrid LaD at {places}"
    sentences = [*filter(None, [settings.get("note")]), *sentences]
    page = render(title, [*sentences, summary(scores, described)], sections, origin)
    return page, as_text(sentences, found)


def _inputs(study: StudyFiles, files: Mapping[str, Sequence[str]]) -> dict[str, str | Path]:
    """The tables of the study and the files of its sections, by their role."""
    inputs = {"scores": study.scores, "differences": study.differences, "states": study.states}
    inputs |= {f"history {'/'.join(key)}": path for key, path in study.histories.items()}
    inputs |= {f"{site} daemons": path for site, path in study.gains.items()}
    inputs |= {f"{site} landscape": path for site, path in study.landscapes.items()}
    shown = [(section, Path(path)) for section, paths in files.items() for path in paths]
    return inputs | {f"{section} {path.parent.name}/{path.name}": path for section, path in shown}


def _by_section(texts: Sequence[str], sites: Sequence[str]) -> dict[str, list[str]]:
    """`["US-Wkg=scatter.png", …]` by section, in the given order."""
    files: dict[str, list[str]] = {section: [] for section in (STUDY, *sites)}
    for text in texts:
        section, _, path = text.partition("=")
        if section not in files or not path:
            raise InputError(f"file {text!r}: expected SECTION=FILE, with a section of {', '.join(files)}")
        files[section].append(path)
    return files


def _tables(
    files: Mapping[str, Sequence[str]], name: str, columns: Sequence[str] | None = None
) -> dict[str, pd.DataFrame]:
    """The tables in the files called `name`, by section; `columns` as in `read_known`."""
    return {
        section: read_known(path, columns)
        for section, paths in files.items()
        for path in paths
        if Path(path).name == name
    }


def _of_site(files: Mapping[str, str], option: str, site: str) -> str:
    """The file that an option gives for a site."""
    if site not in files:
        given = " ".join("=".join(pair) for pair in files.items())
        raise InputError(f"--{option} {given}: has no file of {site}, expected {site}=FILE")
    return files[site]
