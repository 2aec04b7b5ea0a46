"""What the files of a study are called in its report."""

from pathlib import Path

TITLES = {
    "learning.png": (
        "Learning curves",
        "Losses of free runs during training, of the training and of the validation half-hours; thin lines are single "
        "seeds.",
    ),
    "ablation.png": (
        "Scores of all models",
        "Test periods; small dots are single seeds, large ones ensembles.",
    ),
    "ranks.csv": ("Ranks", "Rank of each model, averaged over groups of scores; 1 is best."),
    "timeseries.png": (
        "Time series",
        "Daily precipitation, daily means of the fluxes and two contrasted weeks; bands are the range of the seeds.",
    ),
    "diurnal.png": ("Diurnal cycle", "Mean diurnal cycle by season over the usable half-hours of the test period."),
    "seasonal.png": ("Seasonal cycle", "Monthly means over the usable half-hours of the test period."),
    "scatter.png": (
        "Simulated against observed",
        "Number of half-hours by observed and simulated flux, with the 1:1 line and the scores.",
    ),
    "gaps.png": ("Gaps of the record", "How many half-hours were measured, and how the others were filled."),
    "report.csv": ("How gaps were filled", "Half-hours by origin, %, and the longest gap, by variable and year."),
    "forcing.png": ("Forcing", "Daily means over the record and mean diurnal cycles of winter and summer."),
    "periods.csv": (
        "Periods",
        "Days, share of the daylight with measured LE and H, and energy balance of the tower: LE + H over Rn − G.",
    ),
    "shifts.csv": (
        "Forcing of test against training",
        "Means, their shift in standard deviations of training, ratio of the spreads, shares measured.",
    ),
    "parameters.csv": (
        "Calibrated parameters",
        "Table value, first guess and optimum, range over the searches, and the range that raises the loss by 1 %.",
    ),
    "sanity.csv": (
        "Physical sanity",
        "Drift (K a⁻¹), surface temperature (K), water beyond the stores (kg m⁻²), budgets, and soil sensors.",
    ),
    "strata.csv": ("Scores by stratum", "Day and night, seasons, snow, wet and dry, hours of the day."),
    "intervals.csv": ("Scores with intervals", "95 % intervals over weeks of the test period."),
    "work_precision.csv": ("Error of the solvers", "Error against the time they take."),
    "work_precision.png": ("Error of the solvers", "Error against the time they take, with the calibrated LaD."),
}
"""Name of a file → title and caption."""


def title(path: str | Path) -> tuple[str, str]:
    """Title and caption of a file; one that is not known is called by its name."""
    name = Path(path).stem.replace("_", " ")
    return TITLES.get(Path(path).name, (name[:1].upper() + name[1:], ""))
