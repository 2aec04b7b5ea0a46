"""Numbers of a whole study: choice by validation, ranks, published scores, what seeing the states changes.

Ranks are those of PLUMBER (Best et al. 2015, J. Hydrometeorol. 16, 1425-1442): models are ranked by each metric, ranks
are averaged over the metrics of a group and then over sites. 1 is the best; models with equal scores share the mean of
their ranks, a model without a score (the correlation of a constant) is last.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from lad.errors import InputError
from lad.evaluation.bootstrap import DIFFERENCE_KEYS, LEVEL, gain
from lad.evaluation.metrics import BETTER, MORE
from lad.evaluation.models import BASELINES, ordered
from lad.evaluation.scores import single_seeds, whole
from lad.io import read_table

PUBLISHED = Path(__file__).with_name("published.csv")
PUBLISHED_METRICS = ("rmse", "nse", "kge")
REFERENCES = ("bulk", *BASELINES)
STATES_METRICS = ("nse", "kge", "abs_bias")
STATES_COLUMNS = [
    *("site", "target", "model", "without", "metric"),
    *("by_test", "by_test_low", "by_test_high", "by_seed", "by_seed_low", "by_seed_high"),
]
METRIC_GROUPS = {
    "efficiency": ("nse", "kge"),  # RMSE gives the same order as NSE
    "common": ("bias", "nme", "sd_diff", "r"),
    "extremes": ("p5_diff", "p95_diff"),
    "distribution": ("skewness_diff", "kurtosis_diff", "overlap"),
}
"""Group → its metrics. The last three are those of PLUMBER."""
RANK_COLUMNS = ["site", "target", "model", "group", "rank"]
OVERALL = "overall"
HISTORY_COLUMNS = ["step", "member", "train_loss", "validation_loss"]
Histories = Mapping[tuple[str, str], pd.DataFrame]
"""(site, model) → a table of `HISTORY_COLUMNS`."""


def parse_histories(texts: Sequence[str]) -> dict[tuple[str, str], str]:
    """`["US-Wkg/mlp=history.csv", …]` as (site, model) → file."""
    paths = {}
    for text in texts:
        name, _, path = text.partition("=")
        site, _, model = name.partition("/")
        if not (site and model and path):
            raise InputError(f"history {text!r}: expected SITE/MODEL=FILE")
        paths[site, model] = path
    return paths


def read_histories(paths: Mapping[tuple[str, str], str]) -> Histories:
    """The files of `parse_histories`."""
    return {key: read_table(path, HISTORY_COLUMNS) for key, path in paths.items()}


def lowest_losses(histories: Histories) -> pd.DataFrame:
    """Mean over seeds, and range, of the lowest validation loss of each training: site, model, mean, low, high."""
    rows = []
    for (site, model), history in histories.items():
        lowest = history.groupby("member").validation_loss.min()
        rows.append([site, model, lowest.mean(), lowest.min(), lowest.max()])
    return pd.DataFrame(rows, columns=["site", "model", "mean", "low", "high"])


def mean_over_sites(lowest: pd.DataFrame) -> pd.Series:
    """Mean over sites of the means of `lowest_losses`, by model in the order of the table."""
    return lowest.groupby("model", sort=False)["mean"].mean()


def chosen(lowest: pd.DataFrame) -> str:
    """The model with the lowest validation loss, mean over sites; `lowest` is from `lowest_losses`."""
    return mean_over_sites(lowest).idxmin()


def by_years(scores: pd.DataFrame) -> pd.DataFrame:
    """RMSE by fold, and means over the folds, of `scores` with a column `fold`: rows (target, model), best model first.

    The bias (%) is averaged by its size.

    The best has the highest NSE, mean over targets and folds; models are chosen by it.
    """
    scores = whole(scores)
    of_fold = scores.pivot(index=["target", "model"], columns="fold", values="rmse").add_prefix("RMSE ")
    sized = scores.assign(bias_pct=scores.bias_pct.abs())
    means = sized.groupby(["target", "model"])[["rmse", "bias_pct", "nse", "kge"]].mean()
    order = means.nse.groupby("model").mean().sort_values(ascending=False).index
    return of_fold.join(means).reindex(order, level="model").sort_index(level="target", sort_remaining=False)


def chosen_by_years(scores: pd.DataFrame) -> str | None:
    """The trained model that stands first in `by_years`; None without any."""
    candidates = trained(scores)
    return next((model for _, model in by_years(scores).index if model in candidates), None)


def trained(scores: pd.DataFrame) -> list[str]:
    """Trained models of the study, which have seeds: not baselines, calibrated LaD or means over models."""
    seeded = set(scores.model[scores.seed != ""])
    return [model for model in ordered(list(scores.model)) if model in seeded and model not in REFERENCES]


def references(differences: pd.DataFrame) -> list[str]:
    """Calibrated LaD and the baselines of a study, from its table `differences`."""
    compared = {*differences.model, *differences.reference}
    return [name for name in REFERENCES if name in compared]


def published(scores: pd.DataFrame) -> pd.DataFrame:
    """Published scores, and `{score}_here` beside them, for sites, targets and models that are also in `scores`."""
    keys = ["site", "target", "model"]
    here = whole(scores)[[*keys, *PUBLISHED_METRICS]]
    return pd.read_csv(PUBLISHED).merge(here, on=keys, suffixes=("", "_here"))


def states_table(scores: pd.DataFrame, differences: pd.DataFrame, pairs: Mapping[str, str]) -> pd.DataFrame:
    """What seeing the states changes: score of a model less that of the same one that does not see (all of) them.

    `pairs`: model that sees less → model that sees all. `by_test` to `by_test_high` is the difference of the ensembles
    with its interval over weeks of the test period, `by_seed` to `by_seed_high` that of the means over seeds with
    Welch's interval over seeds. Scores are nse, kge and the size of the bias (W m-2).
    """
    ends = differences.set_index(DIFFERENCE_KEYS)
    members = single_seeds(scores).assign(abs_bias=lambda table: table.bias.abs())
    rows = []
    for (site, target), group in members.groupby(["site", "target"], sort=False):
        for blind, seeing in pairs.items():
            if not {blind, seeing} <= set(group.model):
                continue
            for metric in STATES_METRICS:
                by_test = gain(ends, (site, target, seeing, blind), metric)
                one, two = (group.loc[group.model == name, metric].to_numpy() for name in (seeing, blind))
                by_seed = (np.nan, np.nan)
                if min(len(one), len(two)) > 1:
                    by_seed = ttest_ind(one, two, equal_var=False).confidence_interval(LEVEL)
                values = [*by_test, one.mean() - two.mean(), *by_seed]
                rows.append([site, target, seeing, blind, metric, *values])
    return pd.DataFrame(rows, columns=STATES_COLUMNS)


def rank_table(scores: pd.DataFrame, transferred: pd.DataFrame) -> pd.DataFrame:
    """Mean rank by site, target, model and group, and `overall`, the mean over groups: one row of `RANK_COLUMNS` each.

    Both tables have one row per site, target and model; models of `transferred` were fitted on other sites.
    """
    scores = pd.concat(
        [scores, transferred.assign(model=transferred.model + " (other sites)")], ignore_index=True
    )
    keys = ["site", "target", "model"]
    found = scores[keys].copy()
    for group, names in METRIC_GROUPS.items():
        found[group] = pd.DataFrame({name: _ranks(scores, name) for name in names}).mean(axis=1)
    found[OVERALL] = found[list(METRIC_GROUPS)].mean(axis=1)
    return found.melt(keys, var_name="group", value_name="rank")[RANK_COLUMNS]


def _ranks(scores: pd.DataFrame, metric: str) -> pd.Series:
    """Ranks by one metric among the models of a site and target."""
    values = -scores[metric] if BETTER[metric] == MORE else scores[metric].abs()
    return values.groupby([scores.site, scores.target]).rank(na_option="bottom")
