"""Tables of multi-site networks: scores at each site by what a model knew of it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lad.evaluation.bootstrap import KEYS
from lad.evaluation.models import label
from lad.evaluation.scores import (
    ALL,
    ITSELF,
    MULTI_SITE,
    NOTHING,
    OTHER_TYPES,
    OTHERS,
    full_name,
    single_seeds,
    whole,
)
from lad.observations import TARGETS
from lad.tables import SCORES, Cell, Table
from lad.tables.study import difference_cell

METRICS_COMPARED = ("nse", "rmse", "bias")
LEFT_OUT = (MULTI_SITE, OTHERS)
COMPARED_WITH = [("bulk", NOTHING), ("1lin", OTHERS), ("3km27", OTHERS), (MULTI_SITE, ALL)]
"""What the network that did not see a site is compared with by intervals."""
LEGEND = (
    "Test periods of each site; RMSE and bias in W m⁻²; networks as mean flux of their seeds. LaD a priori has the "
    "table's parameters for cover and soil and saw no flux. 1lin and 3km27 are the regressions of PLUMBER through the "
    "half-hours of the other sites. The multi-site network was trained on all other types of vegetation "
    "(leave-one-type-out; on the other sites, where none of them is of the site's type), on all other sites "
    "(leave-one-site-out), or on all. Calibrated LaD and the model of the last column know this site alone."
)
DIFFERENCES = (
    "RMSE of the network without the site less that of another, W m⁻²: negative is better. 95 % intervals over weeks "
    "of the test period; ✓ significantly better, ✗ significantly worse: zero lies outside."
)


def compared(own: str) -> dict[tuple[str, str], str]:
    """Model and what it was fitted on → its name, of all that stand side by side; `own` is the sites' own model."""
    return {
        ("bulk", NOTHING): "LaD a priori",
        ("1lin", OTHERS): "1lin of the others",
        ("3km27", OTHERS): "3km27 of the others",
        (MULTI_SITE, OTHER_TYPES): "multi-site, without its type",
        (MULTI_SITE, OTHERS): "multi-site, without it",
        (MULTI_SITE, ALL): "multi-site, with it",
        ("bulk", ITSELF): label("bulk"),
        (own, ITSELF): f"its own {own}",
    }


def own_model(table: pd.DataFrame) -> str:
    """The model of the sites themselves in a table of `lad evaluate-multi-site`."""
    return next(model for model in table[table.fitted_on == ITSELF].model if model != "bulk")


def multi_site_tables(table: pd.DataFrame, trained: Mapping[str, Any] | None = None) -> list[str | Table]:
    """For each target and score a row for each site, a column for each model and what it was fitted on.

    `table` is that of `lad evaluate-multi-site`, `trained` the settings of the networks' training, if they are known.
    """
    own = own_model(table)
    names = compared(own)
    rows = whole(table).set_index(["model", "fitted_on"])
    parts = [LEGEND, _budget(table, own, trained)]
    for target in TARGETS:
        for metric in METRICS_COMPARED:
            scores = rows[rows.target == target].pivot_table(
                metric, "site", ["model", "fitted_on"], sort=False, dropna=False
            )
            texts = scores.reindex(columns=list(names)).map(SCORES[metric].text)
            texts.columns = names.values()
            parts.append(Table.of(texts.reset_index(), f"{target}, {SCORES[metric].heading}"))
    return parts


def multi_site_differences_tables(differences: pd.DataFrame) -> list[str | Table]:
    """For each target the RMSE of the network that did not see a site less that of others."""
    ends, names = differences.set_index(KEYS), compared("")
    parts = [DIFFERENCES]
    for target in TARGETS:
        lines = []
        for site in differences.site.unique():
            pairs = [(site, target, full_name(*LEFT_OUT), full_name(*other)) for other in COMPARED_WITH]
            lines.append([site, *(difference_cell(ends, pair, "rmse") or Cell("-") for pair in pairs)])
        columns = ["site", *(f"less {names[other]}" for other in COMPARED_WITH)]
        title = f"{target}, RMSE of the network without the site"
        parts.append(Table.of(pd.DataFrame(lines, columns=columns), title))
    return parts


def _budget(table: pd.DataFrame, own: str, trained: Mapping[str, Any] | None) -> str:
    """How many seeds, and steps on how many days, the networks are of."""
    members = single_seeds(table).groupby(["model", "fitted_on"]).seed.nunique()
    together, alone = (int(members.get(key, 1)) for key in ((MULTI_SITE, ALL), (own, ITSELF)))
    text = f"Multi-site networks: {together} seeds"
    if trained:
        days = f"{trained['window_days'][-1]:g} days of each site"
        text += f", at most {trained['steps']} steps on {trained['batch']} windows of {days}"
    return f"{text}. Its own {own}: {alone} seeds."
