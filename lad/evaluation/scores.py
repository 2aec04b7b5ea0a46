"""The scores of one site: every model against the same usable half-hours of the test periods."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.evaluation.bootstrap import differences, draw, intervals
from lad.evaluation.metrics import METRICS, all_metrics
from lad.evaluation.models import ordered
from lad.evaluation.series import Simulated, read_at, read_simulated
from lad.evaluation.strata import STRATA_VARIABLES, read_closed, read_snow, strata, strata_scores
from lad.io import read_table
from lad.observations import TARGETS, Observed, read_observed
from lad.periods import Periods, check_unseen, mask

SCORE_COLUMNS = ["site", "target", "model", "seed", "period", "n", "n_not_known", *METRICS]
TRANSFER_COLUMNS = [*SCORE_COLUMNS, "fitted_on"]
"""`fitted_on`: what the model was fitted on: `ALL` sites of a study, `OTHERS` than the scored one, those of
`OTHER_TYPES` of vegetation, the site `ITSELF`, or `NOTHING`."""
ALL, OTHERS, OTHER_TYPES, ITSELF, NOTHING = "all", "others", "other types", "itself", "nothing"
ENSEMBLE = "ensemble"
MULTI_SITE = "multi_site"
"""Name of the network that was trained on several sites."""


def full_name(model: str, fitted_on: str) -> str:
    """A model and what it was fitted on, as one name."""
    return f"{model} ({fitted_on})"


def whole(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per site, target and model: the ensemble, or the only run of a model without seeds."""
    return scores[scores.seed.isin(["", ENSEMBLE])]


def single_seeds(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of single seeds."""
    return scores[~scores.seed.isin(["", ENSEMBLE])]


def read_scores(paths: Sequence[str | Path], further: Sequence[str] = ()) -> pd.DataFrame:
    """The score files of several sites, concatenated in the given order.

    Raises InputError if a file is not a table of `SCORE_COLUMNS` and the columns `further`, or a score appears twice.
    """
    options = {"dtype": {"seed": str}, "keep_default_na": False}
    options["na_values"] = dict.fromkeys(
        METRICS, ""
    )  # a score may be absent, as those of a constant simulation are
    tables = [read_table(path, [*SCORE_COLUMNS, *further], **options) for path in paths]
    scores = pd.concat(tables, ignore_index=True)
    keys = ["site", "target", "model", "seed", *further]
    double = scores[scores.duplicated(keys)]
    if len(double):
        raise InputError(f"score of {', '.join(double.iloc[0][keys])} is given twice")
    return scores


class Evaluation(NamedTuple):
    """Tables of one site, with the columns of the modules that make them."""

    scores: pd.DataFrame
    differences: pd.DataFrame
    intervals: pd.DataFrame
    strata: pd.DataFrame


def _series(simulated: Simulated, target: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each member under its seed, then the mean over the members if there are seeds."""
    yield from zip(simulated.seeds, simulated.flux[target], strict=True)
    if simulated.seeds != ("",):
        yield ENSEMBLE, simulated.mean(target)


def score_table(site: str, period: str, observed: Observed, simulated: dict[str, Simulated]) -> pd.DataFrame:
    """One row of `SCORE_COLUMNS` per target, model and seed; the ensemble row is the score of the mean flux.

    `observed` and `simulated` hold the test half-hours. Which of them count depends on the observations
    alone, so it is the same for all models. Raises InputError naming site, target, model and seed.
    """
    rows = []
    for target in TARGETS:
        usable = observed.usable[target]
        for model in ordered(list(simulated)):
            for seed, series in _series(simulated[model], target):
                scores = all_metrics(
                    series[usable],
                    observed.flux[target][usable],
                    label=f"{site}, {target}, {model}{seed and '/'}{seed}, {period}",
                )
                counts = {"n": int(usable.sum()), "n_not_known": int(observed.not_known[target].sum())}
                keys = {"site": site, "target": target, "model": model, "seed": seed, "period": period}
                rows.append(keys | counts | scores)
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def evaluate(
    site: str,
    observations: Path,
    forcing: Path,
    simulations: dict[str, dict[str, Path]],
    train: Periods,
    validation: Periods,
    test: Periods,
) -> Evaluation:
    """Scores of the simulation files; see `score_table`, `differences`, `intervals`, `strata_scores`.

    Raises InputError if a test period overlaps training or validation, or if a file does not hold what is needed.
    """
    check_unseen(train, validation, test)
    everything = read_observed(observations, site)
    tested, inside = everything.during(test, observations), mask(everything.time, test)
    simulated = read_simulated(simulations, site, tested.time)
    closed = read_closed(observations, site, everything)
    corrections = {"raw": tested} | ({"closed": closed.at(inside)} if closed else {})
    weather = read_at(forcing, site, STRATA_VARIABLES, everything.time)
    parts = strata(everything.time, weather, inside, read_snow(simulations, site, tested.time))
    drawn = draw(tested, simulated)
    return Evaluation(
        score_table(site, " ".join(map(str, test)), tested, simulated),
        differences(site, drawn),
        intervals(site, drawn),
        strata_scores(site, corrections, simulated, parts),
    )
