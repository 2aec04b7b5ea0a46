"""Sections of the report: the study as a whole, each site, and what the page was made from."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from lad.evaluation.models import BASELINES, label, meaning, ordered, too_many
from lad.evaluation.scores import single_seeds
from lad.evaluation.series import Comparison, parse_simulations, read_at, read_simulated
from lad.evaluation.study import trained
from lad.io import read_netcdf
from lad.observations import read_observed
from lad.periods import Periods, in_words, read_periods
from lad.report.conclusions import Conclusion
from lad.report.files import shown
from lad.report.page import Findings, Folded, Section, Verbatim
from lad.report.plots import timeseries
from lad.tables import Table
from lad.tables.scores import score_tables, seeds_table
from lad.tables.study import PUBLISHED_H, gains_tables, published_table, states_tables, validation_table
from lad.towers.coverage import describe
from lad.towers.sites import site_row


def summary(scores: pd.DataFrame, places: Sequence[str]) -> str:
    """What was run, in a few sentences. `places`: the sites, each as in `site_in_words`; none for many sites."""
    models = trained(scores)
    seeds = single_seeds(scores[scores.model.isin(models)]).seed.nunique()
    where = "; ".join(places) or f"{scores.site.nunique()}, each with a page of its own"
    against = " against models without physics" * bool(set(scores.model) & set(BASELINES))
    study = " After Kalauni & Bennett, Hybrid Differentiable Land Surface Model (AGU Annual Meeting 2025)."
    return (
        f"The land surface model LaD, calibrated and with trained fluxes of latent (LE) and sensible heat (H){against}."
        f"{study if published_table(scores) else ''} Trained models: {', '.join(map(label, models))}, {seeds} "
        f"seed{'s' * (seeds > 1)} each. Sites: {where}."
    )


def site_in_words(site: str, forcing: str, periods: str) -> str:
    """A site in words: name, IGBP class, years of training and test. Raises InputError as the readers do."""
    row, days = site_row(read_netcdf(forcing).attrs, forcing), read_periods(periods)
    return (
        f"{site} ({row['name']}, {row['igbp']}), trained on {in_words(days['train'])}, tested on "
        f"{in_words(days['test'])}"
    )


def models_table(scores: pd.DataFrame, settings: Mapping[str, Any]) -> Table:
    """What each model is. `settings` as in `meaning`."""
    rows = [(label(model), meaning(model, settings)) for model in ordered(list(scores.model))]
    return Table.of(pd.DataFrame(rows, columns=["model", "what it is"]), "Models")


def study_sections(
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    states: pd.DataFrame,
    validation: pd.DataFrame,
    found: Sequence[Conclusion],
    first: Sequence[Any] = (),
) -> list[Section]:
    """The study as a whole: what stands `first`, then what was found, published numbers and the tables behind it."""
    published = published_table(scores)
    seeds = [] if too_many(scores.site) else [seeds_table(scores)]
    return [
        *([Section("Overview", first)] if first else []),
        Section("Conclusions", [Findings(found)]),
        *([Section("Published and reproduced", [published, PUBLISHED_H])] if published else []),
        Section("Scores", [*score_tables(scores), *seeds]),
        Section("Gains", gains_tables(differences)),
        *([Section("States", states_tables(states))] if len(states) else []),
        Section("Validation", [validation_table(validation)]),
    ]


def site_section(
    site: str,
    observations: str,
    forcing: str,
    periods: str,
    simulations: Sequence[str],
    drawn: Collection[str],
    files: Sequence[str],
) -> Section:
    """A site: what its record is, its test period in time, and its `files` (`lad.report.files`).

    `simulations` as in `parse_simulations`; the models `drawn` are shown at once. Raises InputError as the readers of
    the files do.
    """
    test = read_periods(periods, "test")["test"]
    observed = read_observed(observations, site).during(test, observations)
    simulated = read_simulated(parse_simulations(simulations), site, observed.time)
    fallen = read_at(forcing, site, ("Rainf", "Snowf"), observed.time)
    plot = timeseries(Comparison(site, observed, simulated), sum(fallen.values()), drawn)
    return Section(site, [_record(forcing, observations, test), plot, *shown(files)])


def _record(forcing: str, observations: str, test: Periods) -> Table:
    """What the record of a site is, and how much of it and of its test period was measured."""
    parts = dict(zip(("", "test: "), describe(forcing, observations, None, test), strict=True))
    shares = [
        pd.DataFrame.from_dict(part["shares"], orient="index").add_prefix(name)
        for name, part in parts.items()
    ]
    frame = pd.concat(shares, axis=1).rename_axis("variable").reset_index()
    caption = f"{parts['']['product']}. % of the half-hours of the record, and of its test period."
    return Table.of(frame, "Record", caption)


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
