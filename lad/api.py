"""What a script or notebook calls: the same functions as the steps of the workflow, on files and objects in memory.

`import lad` offers them by name, `lad.simulate(…)`, and imports each with what it needs at its first use.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lad.cf import intervals
from lad.errors import InputError
from lad.evaluation.bootstrap import differences, draw
from lad.evaluation.scores import score_table
from lad.evaluation.series import Simulated, positions
from lad.observations import TARGETS, Observed, read_observed
from lad.periods import Periods

Runs = Mapping[str, xr.Dataset | Sequence[xr.Dataset]]
"""Name of a model → its simulation from `simulate`, or one for each seed."""


def evaluate(runs: Runs, observations: str | Path, test: Periods) -> pd.DataFrame:
    """Scores of `runs` on the measured half-hours of the `test` periods: a row for each target, model and seed.

    RMSE and bias in W m-2 (simulated less observed), bias in % of the observed mean, NSE, KGE and others
    (`lad.evaluation.metrics`); of several seeds also those of their mean flux, as seed `ensemble`. Raises InputError
    for runs that lack a half-hour, and periods without a measured one.
    """
    site, observed, simulated = _compared(runs, observations, test)
    return score_table(site, " ".join(map(str, test)), observed, simulated)


def compare(runs: Runs, observations: str | Path, test: Periods) -> pd.DataFrame:
    """Scores of each run less those of each other run, with 95 % intervals over weeks of the test periods.

    The intervals are of a block bootstrap (`lad.evaluation.bootstrap`). Raises InputError as `evaluate`.
    """
    site, observed, simulated = _compared(runs, observations, test)
    return differences(site, draw(observed, simulated))


def _compared(
    runs: Runs, observations: str | Path, test: Periods
) -> tuple[str, Observed, dict[str, Simulated]]:
    """Site, observed and simulated fluxes of the test periods."""
    members = {name: [of] if isinstance(of, xr.Dataset) else list(of) for name, of in runs.items()}
    sites = {run.attrs.get("site_id", "site") for of_model in members.values() for run in of_model}
    if not sites:
        raise InputError("no runs, expected a dataset, or one for each seed, by name of the model")
    if len(sites) != 1:
        raise InputError(f"runs are of the sites {', '.join(sorted(sites))}, expected one")
    (site,) = sites
    observed = read_observed(observations, None if site == "site" else site).during(test, observations)
    simulated = {}
    for name, of_model in members.items():
        for code in TARGETS.values():
            if not all(code in run for run in of_model):
                raise InputError(f"{name}: no variable {code}, expected a dataset from lad.simulate")
        rows = [positions(intervals(run, name)[0], observed.time, name) for run in of_model]
        flux = {
            target: np.stack([run[code].values[row] for run, row in zip(of_model, rows, strict=True)])
            for target, code in TARGETS.items()
        }
        seeds = ("",) if isinstance(runs[name], xr.Dataset) else tuple(map(str, range(len(of_model))))
        simulated[name] = Simulated(seeds, flux)
    return site, observed, simulated
