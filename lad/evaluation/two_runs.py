"""Two runs A and B at the same tower: their files, scores side by side, and on which one is significantly better."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.evaluation.bootstrap import FEWEST_WEEKS, draw, interval, verdict
from lad.evaluation.scores import score_table, whole
from lad.evaluation.series import Simulated, read_simulated
from lad.io import read_netcdf
from lad.observations import Observed, interval_starts, open_series, read_observed
from lad.periods import Period, Periods

RUN_METRICS = ("rmse", "abs_bias", "bias", "nse", "kge", "r")
OF_RUN = ("{}", "of_{}", "low_{}", "high_{}")
RUN_COLUMNS = ["site", "target", "period", "metric", *(name.format(run) for run in "ab" for name in OF_RUN)]
RUN_COLUMNS += ["difference", "low", "high", "better", "n", "weeks"]


def compare(site: str, period: str, observed: Observed, simulated: dict[str, Simulated]) -> pd.DataFrame:
    """Scores of the two runs `simulated` (A, then B) and B less A: a row of `RUN_COLUMNS` for each target and score.

    `of_a` is the score of the mean flux, `low_a` to `high_a` the range over seeds, NaN without. `low` to `high` is the
    95 % interval of the difference over the same drawn weeks for both (`lad.evaluation.bootstrap`), and `better` names
    the run that is better in all of it. `observed` and `simulated` hold the half-hours of `period`.

    Raises InputError where scores are not defined, or for fewer than `FEWEST_WEEKS`.
    """
    scores = score_table(site, period, observed, simulated)
    scores["abs_bias"] = scores.bias.abs()
    keys = ["target", "model"]
    means = whole(scores).set_index(keys)
    seeds = scores.drop(whole(scores).index).groupby(keys)[list(RUN_METRICS)]
    lowest, highest = seeds.min().reindex(means.index), seeds.max().reindex(means.index)
    a, b = simulated
    winner, rows = {"better": b, "worse": a, "open": ""}, []
    for target, drawn in draw(observed, simulated).items():
        if drawn.weeks < FEWEST_WEEKS:
            raise InputError(
                f"{site}, {target}: {drawn.weeks} weeks with usable half-hours in {period}, "
                f"expected at least {FEWEST_WEEKS}"
            )
        n = observed.usable[target].sum()
        for metric in RUN_METRICS:
            cells = [
                cell
                for name in simulated
                for cell in (name, *(table.loc[(target, name), metric] for table in (means, lowest, highest)))
            ]
            change = interval(drawn.scores[b][metric] - drawn.scores[a][metric], drawn.weeks)
            better = winner[verdict(metric, *change[1:])]
            rows.append([site, target, period, metric, *cells, *change, better, n, drawn.weeks])
    return pd.DataFrame(rows, columns=RUN_COLUMNS)


def members(path: Path) -> dict[str, Path]:
    """Files of a run by seed: those of a folder are its `seed*.nc`; a file is a run without seeds.

    Raises InputError for a folder without seeds.
    """
    if not path.is_dir():
        return {"": path}
    files = {file.stem.removeprefix("seed"): file for file in sorted(path.glob("seed*.nc"))}
    if not files:
        raise InputError(f"{path}: holds no seed*.nc, expected a simulation file or a folder of seeds")
    return files


def names_of(a: Path, b: Path) -> tuple[str, str]:
    """Names of two runs: the last parts of their paths that differ; A and B if none does.

    So run1/mlp/seed0.nc and run2/mlp/seed0.nc are run1 and run2.
    """
    parts = [reversed(Path(str(path.resolve()).removesuffix(".nc")).parts) for path in (a, b)]
    return next(((one, two) for one, two in zip(*parts, strict=False) if one != two), ("A", "B"))


def compared(
    files: Mapping[str, Mapping[str, Path]], observations: Path, periods: Periods | None
) -> tuple[str, Periods, Observed, dict[str, Simulated]]:
    """Site, periods, and the fluxes of tower and runs (name → seed → file) at the half-hours of these periods.

    The site is the first that a file states, else "unknown". Without `periods` the half-hours are all that the files
    have in common; raises InputError, naming a file, if there are none, and as the readers do.
    """
    paths = [observations, *(path for seeds in files.values() for path in seeds.values())]
    stated = (read_netcdf(path).attrs.get("site_id") for path in paths)
    site = next((site for site in stated if site), "unknown")
    observed = read_observed(observations, site)
    if periods is None:
        for path in paths[1:]:
            observed = observed.at(np.isin(observed.time, interval_starts(open_series(path, site, ()), path)))
            if not observed.time.size:
                raise InputError(
                    f"{path}: has no half-hour in common with {observations} and the runs before it"
                )
        first, last = observed.time[[0, -1]].astype("datetime64[D]").astype(dt.date)
        periods = (Period(first, last),)
    observed = observed.during(periods, observations)
    return site, periods, observed, read_simulated(files, site, observed.time)
