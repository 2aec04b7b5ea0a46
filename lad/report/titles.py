"""What the files of a study are called in its report."""

from pathlib import Path

EXPERIMENTS = {
    "work_precision.png": (
        "Error of the solvers",
        "Error against the time they take, with the calibrated LaD.",
    ),
    "work_precision.csv": ("Error of the solvers", "The values of the figure."),
    "cross.md": ("Numerical daemons", ""),
    "cross.png": (
        "Solver of training and of the run",
        "Scores of models trained with one solver and run with another; squares are run with their own.",
    ),
    "cross.csv": ("Solver of training and of the run", "The values of the figure, and those of every seed."),
    "landscape.png": ("Loss along a parameter", "By solver, with its gradient."),
    "landscape.md": ("Minimum, kinks and gradient of the loss", ""),
}
"""Those of the experiments with solvers, which have a section of their own."""

TITLES = {
    "ablation.png": (
        "Scores of all models",
        "Test periods; small dots are single seeds, large ones ensembles; of many sites, boxes are quartiles over the "
        "sites and whiskers reach to the 5th and 95th percentile.",
    ),
    "ranks.md": ("Ranks", ""),
    "joint.png": (
        "One network for many towers",
        "Scores at each tower by what a model knew of it, and their median; NSE and KGE below -1 stand at the edge.",
    ),
    "joint.md": ("One network for many towers", ""),
    "transfer.csv": (
        "Baselines of other sites",
        "Fitted on the other sites of the study, scored on this one.",
    ),
    "learning.png": (
        "Learning curves",
        "Losses of free runs during training, of the training and of the validation half-hours; thin lines are single "
        "seeds, of many sites single sites.",
    ),
    "timeseries.png": (
        "Time series",
        "Daily precipitation, daily means of the fluxes and two contrasted weeks; bands are the range of the seeds.",
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
    "strata.md": ("Scores by stratum", ""),
    "closure.png": ("Energy balance", "LE + H against the energy that the tower measured to be available."),
    "soil.png": ("Soil", "Soil temperature and water of models and sensors."),
    "response.png": ("Responses", "LE and H by one variable, all else as on a typical midday."),
    "response.csv": ("Responses", "The values of the figure."),
    "sanity.csv": (
        "Physical sanity",
        "Drift of the soil, surface temperature, water beyond the stores, days of the test period with an "
        "empty root zone, residuals of the budgets, and soil sensors.",
    ),
    "parameters.csv": (
        "Calibrated parameters",
        "Table value, first guess and optimum, range over the searches, and the range that raises the loss by 1 %.",
    ),
    "periods.csv": (
        "Periods",
        "Days, share, 0 to 1, of the daylight with LE and H measured or without a flag, and energy balance of the "
        "tower: LE + H over Rn − G, as ratio of sums and as line. Spikes, usable half-hours above SWdown + 300 W m⁻² "
        "or below −300 W m⁻², stay in.",
    ),
    "shifts.csv": (
        "Forcing of test against training",
        "Means in W m⁻² (SWdown, LWdown), K (Tair), kg kg⁻¹ (Qair), Pa (Psurf), m s⁻¹ (Wind) and kg m⁻² s⁻¹ (Rainf, "
        "Snowf), their shift in standard deviations (SD) of training, ratio of these, and the share, 0 to 1, of the "
        "half-hours that the tower measured or gave without a flag.",
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


def title(path: str | Path) -> tuple[str, str]:
    """Title and caption of a file; one that is not known is called by its name."""
    name = Path(path).stem.replace("_", " ")
    return TITLES.get(Path(path).name, (name[:1].upper() + name[1:], ""))


def place(path: str | Path) -> int:
    """Where a file stands in its section: in the order of `TITLES`, one that is not known before the records."""
    names = list(TITLES)
    name = Path(path).name
    return names.index(name if name in names else "source.json")
