"""What a baseline may see: the weather of the whole record and before each half-hour, the fluxes that fits may see."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from lad.cf import intervals
from lad.errors import InputError
from lad.fluxes import FORCING_INPUTS
from lad.forcing import Record, antecedent_means, read_record
from lad.io import read_netcdf
from lad.periods import Periods
from lad.training.data import learning_data
from lad.training.sites import gap_filled_inputs


@dataclasses.dataclass(frozen=True)
class BaselineData:
    """The record with the half-hours of the hybrids' losses: baselines can see no other flux."""

    record: Record  # (n,)
    seen: tuple[str, ...]  # inputs of the hybrids' networks that are measured and vary in training
    observed: Float[np.ndarray, "n 2"]  # W m-2, LE and H; 0 where neither of the two below is 1
    train: Bool[np.ndarray, "n 2"]
    validation: Bool[np.ndarray, "n 2"]

    @property
    def site(self) -> str:
        """Identifier of the tower, for messages."""
        return self.record.attrs.get("site_id", "site")


def baseline_data(
    forcing: str | Path, observations: str | Path, train: Periods, validation: Periods
) -> BaselineData:
    """Read both files as the trainings do.

    Raises InputError as `lad.training.data.learning_data`, and if no input of the networks varies in training.
    """
    record = read_record(forcing)
    learned = learning_data(record, observations, train, validation)
    inside = np.isin(record.time, learned.time)

    def whole(values: np.ndarray) -> np.ndarray:
        filled = np.zeros((len(record.time), 2))
        filled[inside] = values
        return filled

    observed, trained, judged = map(whole, (learned.observed, learned.train, learned.validation))
    dataset = read_netcdf(forcing)
    unseen = gap_filled_inputs(dataset, np.isin(intervals(dataset, forcing)[0], learned.trained))
    rows = trained.any(axis=1)
    varying = (name for name in FORCING_INPUTS if np.ptp(np.asarray(getattr(record.forcing, name))[rows]) > 0)
    seen = tuple(name for name in varying if name not in unseen)
    if not seen:
        raise InputError(f"{forcing}: none of {', '.join(FORCING_INPUTS)} varies in training")
    return BaselineData(record, seen, observed, trained > 0, judged > 0)


def weather(data: BaselineData) -> pd.DataFrame:
    """The inputs of the hybrids' networks, rain and snow together as `Precip` (kg m-2 s-1), and LAI where the forcing
    has it; SI units, (n, k)."""
    forcing = data.record.forcing
    columns = {name: getattr(forcing, name) for name in data.seen} | {"Precip": forcing.Rainf + forcing.Snowf}
    if forcing.LAI is not None:
        columns["LAI"] = forcing.LAI
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})


def with_antecedents(data: BaselineData) -> pd.DataFrame:
    """`weather`, and its means over the days before (`lad.forcing.antecedent_means`)."""
    now = weather(data)
    return now.join(antecedent_means(now, data.record.segment, data.record.dt))


def standardised(values: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Columns (n, k) standardised over the rows `training` (n,); 0 for columns that do not vary there."""
    mean, std = values[training].mean(axis=0), values[training].std(axis=0)
    return (values - mean) / np.where(std > 0, std, np.inf)
