"""Empirical models that know other sites only: their skill at a site without a fit to its own half-hours.

The protocol of PLUMBER (Best et al. 2015, J. Hydrometeorol. 16, 1425-1442): all half-hours of the other sites count
alike, so that long records weigh more. If they are many, a random part of them is used, so that the cost of a site
does not grow with the number of sites.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lad.baselines.data import BaselineData, baseline_data
from lad.baselines.plumber import predict
from lad.evaluation.scores import OTHERS, TRANSFER_COLUMNS, score_table
from lad.evaluation.series import Simulated
from lad.forcing import rows
from lad.observations import TARGETS, read_observed
from lad.periods import Periods, check_unseen, mask

TRANSFERRED = ("1lin", "2lin", "3km27")
MOST = 100_000  # about, half-hours of training on other sites; 27 planes have 108 coefficients


def transfer(
    files: Mapping[str, Mapping[str, Path]], periods: Mapping[str, Mapping[str, Periods]]
) -> pd.DataFrame:
    """Scores of `TRANSFERRED` on the test half-hours of each site, fitted on the training ones of all others.

    `files`, forcing and observations, and periods by site; rows of `TRANSFER_COLUMNS`, none for a single site. Raises
    InputError as `lad.baselines.data.baseline_data`.
    """
    if len(files) < 2:
        return pd.DataFrame(columns=TRANSFER_COLUMNS)
    data = data_of_sites(files, periods)
    tables = []
    for site in data:
        check_unseen(**periods[site])
        path, test = files[site]["observations"], periods[site]["test"]
        observed = read_observed(path, site).during(test, path)
        tables.append(score_table(site, " ".join(map(str, test)), observed, transferred(site, data, test)))
    return pd.concat(tables, ignore_index=True).assign(fitted_on=OTHERS)


def data_of_sites(
    files: Mapping[str, Mapping[str, Path]], periods: Mapping[str, Mapping[str, Periods]]
) -> dict[str, BaselineData]:
    """What a baseline may see of each site."""
    return {
        site: baseline_data(
            paths["forcing"], paths["observations"], periods[site]["train"], periods[site]["validation"]
        )
        for site, paths in files.items()
    }


def transferred(site: str, data: Mapping[str, BaselineData], test: Periods) -> dict[str, Simulated]:
    """Fluxes of `TRANSFERRED` on the test half-hours of `site`, fitted on the training ones of all others of `data`."""
    record = data[site].record
    weather = rows(record.forcing, np.flatnonzero(mask(record.time, test)))
    others = _sample(of for name, of in data.items() if name != site)
    simulated = {}
    for name in TRANSFERRED:
        fluxes = predict(name, others, weather)
        simulated[name] = Simulated(("",), dict(zip(TARGETS, fluxes.T[:, np.newaxis], strict=True)))
    return simulated


def _sample(others: Iterable[BaselineData]) -> list[BaselineData]:
    """Training half-hours of all `others`, a random part of them if they are more than `MOST`."""
    others = list(others)
    share = MOST / max(1, sum(data.train.any(axis=1).sum() for data in others))
    random = np.random.default_rng(0)
    return [
        _rows(data, np.flatnonzero(data.train.any(axis=1) & (random.random(len(data.train)) < share)))
        for data in others
    ]


def _rows(data: BaselineData, index: np.ndarray) -> BaselineData:
    """Some half-hours of a site."""
    record = data.record
    kept = dataclasses.replace(
        record, time=record.time[index], segment=record.segment[index], forcing=rows(record.forcing, index)
    )
    return dataclasses.replace(
        data,
        record=kept,
        observed=data.observed[index],
        train=data.train[index],
        validation=data.validation[index],
    )
