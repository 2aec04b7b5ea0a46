"""Ranks of the models, as in PLUMBER: how often a model is better, by whatever it is judged.

After Best et al. (2015, J. Hydrometeorol. 16, 1425-1442): models are ranked by each metric, ranks are averaged over the
metrics of a group and then over sites. 1 is the best; models with equal scores share the mean of their ranks, one
without a score (the correlation of a constant) is the last.
"""

import pandas as pd

from lad.evaluation.metrics import BETTER, MORE

METRIC_GROUPS = {
    "efficiency": ("nse", "kge"),  # by RMSE the order is that by NSE
    "common": ("bias", "nme", "sd_diff", "r"),
    "extremes": ("p5_diff", "p95_diff"),
    "distribution": ("skewness_diff", "kurtosis_diff", "overlap"),
}
"""Group → metrics of it. The last three are those of PLUMBER."""
RANK_COLUMNS = ["site", "target", "model", "group", "rank"]
OVERALL = "overall"


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
