"""The page of a study, put together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from lad.evaluation.study import chosen
from lad.report.conclusions import Conclusion
from lad.report.files import EXPERIMENTS, shown
from lad.report.page import Links, Section, render
from lad.report.sections import origin_section, site_section, study_sections, summary

STUDY = "study"  # among the sections that files are for
DRAWN = ("bulk", "mlp")  # and the chosen model; the others when they are asked for


class SiteFiles(NamedTuple):
    """What the section of a site is made from."""

    observations: str
    forcing: str
    periods: str
    simulations: Sequence[str]  # as of `parse_simulations`


def study_page(
    name: str,
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    states: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    solvers: Sequence[Conclusion],
    files: Mapping[str, Sequence[str]],
    sites: Mapping[str, SiteFiles],
    pages: Mapping[str, str],
    missing: Sequence[str],
    citations: str,
    settings: Any,
    origin: Mapping[str, Any],
) -> str:
    """The page as HTML, of a study's tables, those of `conclusions`, and of what the experiments with `solvers` found.

    `files` to show (`lad.report.files`) by site and for `STUDY`. The `sites` have sections, or the page points to their
    own `pages` (site → address). `missing` are lines for readers; `citations`, `settings` and the record of `origin`
    end the page. Raises InputError as what reads the files.
    """
    experiments = [
        part
        for site, paths in files.items()
        if site != STUDY
        for part in shown(filter(_is_experiment, paths), site)
    ]
    drawn = {*DRAWN, chosen(validation)}
    sections = [
        *([Section("Missing", missing)] if missing else []),
        *study_sections(scores, differences, states, validation, solvers),
        *([Section("Figures and tables", shown(files[STUDY]))] if files[STUDY] else []),
        *([Section("Solvers", experiments)] if experiments else []),
        *([Section("Sites", [Links(pages)])] if pages else []),
        *(
            site_section(site, *of_site, drawn, [path for path in files[site] if not _is_experiment(path)])
            for site, of_site in sites.items()
        ),
        origin_section(origin, citations, settings),
    ]
    return render(f"Study {name}", summary(scores), sections, origin)


def _is_experiment(path: str) -> bool:
    return Path(path).name in EXPERIMENTS
