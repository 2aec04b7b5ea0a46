"""Titles and captions of the files of a report, headings of their columns, and names of their values."""

from pathlib import Path

import pandas as pd

from lad.evaluation.models import label
from lad.towers.flags import FLAGS, NOT_KNOWN

EXPERIMENTS = {
    "work_precision.png": (
        "Error of the solvers",
        "Error against the time they take, with the calibrated LaD.",
    ),
    "work_precision.csv": ("Error of the solvers", "The values of the figure."),
    "cross.csv": ("Solver of training and of the run", ""),
    "gains.csv": ("Numerical daemons", ""),
    "cross.png": (
        "Solver of training and of the run",
        "Scores of models trained with one solver and run with another; squares are run with their own.",
    ),
    "landscape.png": ("Loss along a parameter", "By solver, with its gradient."),
    "summary.csv": ("Minimum, kinks and gradient of the loss", ""),
}
"""Files of the experiments with solvers, which have a section of their own."""

FILE_TITLES = {
    "rmse.png": (
        "RMSE of all models",
        "Test periods, with 95 % intervals over weeks; boxes, if any, are quartiles over many sites. One model can be "
        "significantly better than another though their intervals overlap, because models err in the same weeks: see "
        "the gains.",
    ),
    "ablation.png": (
        "Scores of all models",
        "Test periods; small dots are single seeds, large ones ensembles; boxes, if any, are quartiles over many "
        "sites, with whiskers to the 5th and 95th percentile.",
    ),
    "ranks.csv": ("Ranks", ""),
    "towers.png": ("Towers", "Where they stand, and in which climate, by IGBP class."),
    "towers.csv": ("Towers of the study", ""),
    "by_type.png": (
        "Skill by type of vegetation",
        "NSE of LE and H at the towers of each IGBP class (with their number); a line is the median of several. Below "
        "-0.5 it is drawn at the edge.",
    ),
    "multi_site.png": (
        "Multi-site networks",
        "RMSE at each tower, sorted by IGBP class, by what a model knew of it; below, the median over the towers.",
    ),
    "multi_site.csv": ("Scores of multi-site networks", ""),
    "fine_tuning.png": (
        "Fine-tuned networks",
        "RMSE by how many years of the tower a model knows; the diamond is the network that was trained on the others.",
    ),
    "multi_site_differences.csv": ("Gains of multi-site networks", ""),
    "transfer.csv": (
        "Baselines of other sites",
        "Fitted on the other sites of the study, scored on this one.",
    ),
    "learning.png": (
        "Learning curves",
        "Losses of free runs during training, on the training and the validation half-hours; the weights with the "
        "lowest validation loss are kept. Thin lines are single seeds, for many sites single sites.",
    ),
    "diurnal.png": (
        "Diurnal cycle",
        "Mean diurnal cycle by season over the usable half-hours of the test period.",
    ),
    "seasonal.png": ("Seasonal cycle", "Monthly means over the usable half-hours of the test period."),
    "scatter.png": (
        "Simulated against observed",
        "Number of half-hours by observed and simulated flux, with the 1:1 line and the scores.",
    ),
    "target.png": (
        "Target diagram",
        "Bias and unbiased error of all models in standard deviations of the tower.",
    ),
    "intervals.csv": ("Scores with intervals", "95 % intervals over weeks of the test period."),
    "strata.csv": ("Scores by stratum", ""),
    "closure.png": (
        "Energy balance",
        "LE + H against the available energy that the tower measured, which models too are compared with.",
    ),
    "soil.png": ("Soil", "Soil temperature and water of models and sensors."),
    "water.png": (
        "Water",
        "Evaporation of tower and models, summed up over the usable half-hours of the test period; root zone over the "
        "whole record.",
    ),
    "response.png": (
        "Responses",
        "LE and H against one variable, all else as on a typical midday. Outside the grey range networks extrapolate.",
    ),
    "response.csv": ("Responses", "The values of the figure."),
    "sanity.csv": (
        "Physical sanity",
        "Drift of the soil, surface temperature (over the record, and in the month where it is farthest from LaD's), "
        "water beyond the stores, days of the test period with an empty root zone, residuals of the budgets, and soil "
        "sensors. Sound: within all limits (docs/evaluation.md).",
    ),
    "parameters.csv": (
        "Calibrated parameters",
        "Table value, first guess and optimum, range over the searches, and the range that raises the loss by 1 %.",
    ),
    "periods.csv": (
        "Periods",
        "Days, share, 0 to 1, of the daylight with LE and H measured or without a flag, precipitation and evaporation "
        "(gaps filled, mm a year), and energy balance of the tower: LE + H over Rn − G, as ratio of sums and as line. "
        "Spikes, usable half-hours above SWdown + 300 W m⁻² or below −300 W m⁻², stay in.",
    ),
    "shifts.csv": (
        "Forcing of test against training",
        "Means in W m⁻² (SWdown, LWdown), K (Tair), kg kg⁻¹ (Qair), Pa (Psurf), m s⁻¹ (Wind) and kg m⁻² s⁻¹ (Rainf, "
        "Snowf), their shift in standard deviations (SD) of training, ratio of SD, and the share, 0 to 1, of the "
        "half-hours that the tower measured or gave without a flag.",
    ),
    "mass_curve.png": (
        "Root zone",
        "Evaporation less precipitation of the training days, summed up and never below zero: what the root zone must "
        "hold to carry plants through the dry season.",
    ),
    "forcing.png": ("Forcing", "Daily means over the record and mean diurnal cycles of winter and summer."),
    "gaps.png": ("Gaps of the record", "How many half-hours were measured, and how the others were filled."),
    "report.csv": (
        "How gaps were filled",
        "Half-hours by origin, %, and the longest gap, by variable and year.",
    ),
    **EXPERIMENTS,
    "source.json": ("Origin of the tower's record", ""),
    "periods.json": ("Days of the periods, and their origin", ""),
    "parameters.json": ("Calibrated model, and its origin", ""),
    "scores.json": ("Origin of the scores", ""),
}
"""Name of a file → title and caption, in the order of the report."""

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
    "kge_2012": "KGE′",
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
    "surface_month": "less that of LaD, worst month (K)",
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
    "precipitation": "precipitation (mm a⁻¹)",
    "evaporation": "evaporation (mm a⁻¹)",
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
"""Column → heading; other columns have their name without underscores."""

INPUT_HEADINGS = {"SWdown": "SWdown (W m⁻²)", "VPD": "VPD (Pa)", "fill": "fill of the root zone"}


def heading(column: str) -> str:
    """Heading of a column."""
    return HEADINGS.get(column, column.replace("_", " "))


PARAMETERS = {
    "rs": "rs, stomatal resistance",
    "Wmax": "Wmax, root-zone capacity",
    "z0": "z0, roughness length",
    "kB": "kB, ln(z0 / roughness length of heat)",
    "Wc": "Wc, snow that masks half of the ground",
    "alb0": "alb0, albedo without snow",
    "C_factor": "C_factor, on the heat capacity of the soil",
    "lam_factor": "lam_factor, on its heat conductivity",
}
"""Calibrated quantity → its name and meaning."""

READABLE = {
    "metric": heading,
    "model": label,
    "input": lambda name: INPUT_HEADINGS.get(name, name),
    "parameter": lambda name: PARAMETERS.get(name, name),
    "sound": {"True": "yes", "False": "no"}.get,
}
"""Column → names of its values."""


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with readable headings, scores, models and inputs, and without the column `site` of a single site."""
    if "site" in frame and frame.site.nunique() == 1:
        frame = frame.drop(columns="site")
    values = {name: frame[name].map(of) for name, of in READABLE.items() if name in frame}
    return frame.assign(**values).rename(columns=heading)


def title(path: str | Path) -> tuple[str, str]:
    """Title and caption of a file; an unknown file has its name as title."""
    name = Path(path).stem.replace("_", " ")
    return FILE_TITLES.get(Path(path).name, (name[:1].upper() + name[1:], ""))


def order(path: str | Path) -> int:
    """Where a file stands in its section: in the order of `FILE_TITLES`, unknown files before the records."""
    names = list(FILE_TITLES)
    name = Path(path).name
    return names.index(name if name in names else "source.json")
