"""Sections of the report: the study as a whole, and what the page was made from."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lad.evaluation.models import label, ordered, too_many
from lad.evaluation.scores import single_seeds
from lad.evaluation.study import REFERENCES, trained
from lad.report.conclusions import Conclusion, conclusions
from lad.report.page import Findings, Folded, Section, Verbatim
from lad.tables import Table
from lad.tables.scores import score_tables, seeds_table
from lad.tables.study import PUBLISHED_H, gains_tables, published_table, states_tables, validation_table


def summary(scores: pd.DataFrame) -> str:
    """What was run, in one sentence."""
    models = trained(scores)
    seeds = single_seeds(scores[scores.model.isin(models)]).seed.nunique()
    tests = scores.groupby("site", sort=False).period.first()
    where = "; ".join(f"{site}, tested on {period.replace(':', ' to ')}" for site, period in tests.items())
    if too_many(tests.index):
        where = f"{len(tests)}, each with a page of its own"
    names = ", ".join(map(label, models))
    beside = ", ".join(label(model) for model in ordered(list(scores.model)) if model in REFERENCES)
    return f"Trained models: {names}, {seeds} seeds each, beside {beside}. Sites: {where}."


def study_sections(
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    states: pd.DataFrame,
    validation: pd.DataFrame,
    experiments: Sequence[Conclusion] = (),
) -> list[Section]:
    """The study as a whole: published numbers first, if there are, then what was found and the tables it rests on.

    `experiments`: what those with solvers found.
    """
    published = published_table(scores)
    found = [*conclusions(scores, differences, states, validation), *experiments]
    seeds = [] if too_many(scores.site) else [seeds_table(scores)]
    return [
        *([Section("Published and reproduced", [published, PUBLISHED_H])] if published else []),
        Section("Conclusions", [Findings(found)]),
        Section("Scores", [*score_tables(scores), *seeds]),
        Section("Gains", gains_tables(differences)),
        *([Section("States", states_tables(states))] if len(states) else []),
        Section("Validation", [validation_table(validation)]),
    ]


def origin_section(origin: Mapping[str, Any], citations: str, settings: Any) -> Section:
    """What the page and its numbers were made from, and what to cite."""
    code = {
        "lad": origin["code"]["lad"],
        "git revision": origin["code"]["git"],
        "SHA-256": origin["code"]["sha256"],
    }
    parts = code | {"Python": origin["python"]} | origin["packages"]
    versions = pd.DataFrame(list(parts.items()), columns=["part", "version"])
    files = [[role, file["name"], file["sha256"]] for role, file in origin["inputs"].items()]
    return Section(
        "Provenance",
        [
            "To cite for the data:",
            Verbatim(citations),
            Folded.record("Settings of models and fits", settings),
            Table.of(versions, "Versions", "Of the code that made this page; those of each step are above."),
            Table.of(pd.DataFrame(files, columns=["role", "file", "SHA-256"]), "Files"),
        ],
    )
