"""What the columns of tables on disk are called in the report, with their units."""

import pandas as pd

from lad.evaluation.models import label
from lad.towers.flags import FLAGS, NOT_KNOWN

HEADINGS = {
    "target": "flux",
    "n": "values",
    "n_not_known": "without a flag",
    "rmse": "RMSE (W m⁻²)",
    "bias": "bias (W m⁻²)",
    "abs_bias": "size of bias (W m⁻²)",
    "bias_pct": "bias (%)",
    "nse": "NSE",
    "kge": "KGE",
    "kge_2012": "KGE 2012",
    "kge_2021": "KGE″",
    "nme": "NME",
    "sd_diff": "difference of SD",
    "p5_diff": "of 5th percentile (W m⁻²)",
    "p95_diff": "of 95th percentile (W m⁻²)",
    "skewness_diff": "of skewness",
    "kurtosis_diff": "of kurtosis",
    "LE": "LE (W m⁻²)",
    "H": "H (W m⁻²)",
    "drift": "drift (K a⁻¹)",
    "surface_temperature": "surface temperature (K)",
    "surface_difference": "less that of LaD (K)",
    "overdraft": "overdraft (kg m⁻²)",
    "deficit": "deficit (kg m⁻²)",
    "empty_days": "days with empty root zone (%)",
    "energy_residual": "energy residual (J m⁻²)",
    "water_residual": "water residual (kg m⁻²)",
    "soil_bias": "soil temperature, bias (K)",
    "soil_rmse": "soil temperature, RMSE (K)",
    "moisture_r": "soil moisture, r",
    "low_1pct": "low, +1 % of loss",
    "high_1pct": "high, +1 % of loss",
    "daytime_LE_and_H": "daylight with LE and H (share)",
    "intervals": "half-hours of the balance",
    "ratio": "ratio of sums",
    "intercept": "intercept (W m⁻²)",
    "LE_spikes": "spikes of LE",
    "H_spikes": "spikes of H",
    "train": "mean in training",
    "test": "mean in test",
    "shift": "shift (SD of training)",
    "spread_ratio": "ratio of SD",
    "measured_train": "measured in training (share)",
    "measured_test": "measured in test (share)",
    "rows": "half-hours",
    "not_known": "without a flag (%)",
    "longest_gap_days": "longest gap (days)",
    "T1_rms": "error of T1 (rms, K)",
    "H_rms": "error of H (rms, W m⁻²)",
    "LE_rms": "error of LE (rms, W m⁻²)",
    "ms_per_site_year": "time (ms per site-year)",
    "compile_s": "compilation (s)",
}
HEADINGS |= {name: f"{name.replace('_', ' ')} (%)" for code, name in FLAGS.items() if code != NOT_KNOWN}
"""Column → heading; one that is not among them has its name without underscores."""

INPUTS = {"SWdown": "SWdown (W m⁻²)", "VPD": "VPD (Pa)", "fill": "fill of the root zone"}


def heading(column: str) -> str:
    """Heading of a column."""
    return HEADINGS.get(column, column.replace("_", " "))


CONTENTS = {"metric": heading, "model": label, "input": lambda name: INPUTS.get(name, name)}


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with readable headings, scores, models and inputs, and without a column `site` of one site alone."""
    if "site" in frame and frame.site.nunique() == 1:
        frame = frame.drop(columns="site")
    told = {name: frame[name].map(of) for name, of in CONTENTS.items() if name in frame}
    return frame.assign(**told).rename(columns=heading)
