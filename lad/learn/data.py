"""What a fit is allowed to see: forcing and measured fluxes of the training and validation periods."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.forcing import Forcing, Record, rows
from lad.io import read_netcdf
from lad.periods import Periods, mask

TARGETS = ("Qle", "Qh")
USABLE_QC = (0, -1)  # measured; or of a product that states no flag


@dataclasses.dataclass(frozen=True)
class LearningData:
    """The record cut to the span of training and validation, segment by segment.

    Nothing outside that span is in it: no fit can see a test half-hour. A half-hour of a validation period is
    never one of training.
    """

    forcing: Forcing  # (n,)
    observed: Float[Array, "n 2"]  # W m-2, latent and sensible heat, 0 where not usable
    train: Float[Array, "n 2"]  # 1 where a usable measurement may enter the loss
    validation: Float[Array, "n 2"]  # 1 where it may judge
    segments: tuple[slice, ...]  # row ranges without a break
    dt: float  # s

    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (W m-2) of the two targets over training half-hours."""
        count = self.train.sum(axis=0)
        mean = (self.train * self.observed).sum(axis=0) / count
        return mean, np.sqrt((self.train * (self.observed - mean) ** 2).sum(axis=0) / count)


def learning_data(
    record: Record, observations: str | Path, train: Periods, validation: Periods
) -> LearningData:
    """Cut `record` and the observation file to the given periods.

    Raises InputError if the files have different time axes, or a period is without usable measurements of either
    flux.
    """
    if not train:
        raise InputError("no training period given")
    if not validation:
        raise InputError("no validation period given")
    dataset = read_netcdf(observations)
    if not np.array_equal(dataset["time"].values, record.time):
        raise InputError(f"{observations}: its time axis differs from that of the forcing")
    observed, usable = [], []
    for name in TARGETS:
        values, qc = dataset[name].values, dataset[f"{name}_qc"].values
        good = np.isfinite(values) & np.isin(qc, USABLE_QC)
        observed.append(np.where(good, values, 0.0))
        usable.append(good)
    usable = np.stack(usable, axis=-1)
    judged = mask(record.time, validation)
    learned = mask(record.time, train) & ~judged
    for name, period, inside in (("training", train, learned), ("validation", validation, judged)):
        for target, count in zip(TARGETS, usable[inside].sum(axis=0), strict=True):
            if count < 48:
                where = ", ".join(map(str, period))
                found = f"{count} usable values of {target} in the {name} period {where}"
                raise InputError(f"{observations}: {found}, expected at least 48")

    kept, segments, length = [], [], 0
    for segment in record.segments():
        inside = np.flatnonzero((learned | judged)[segment])
        if inside.size:
            part = np.arange(segment.start + inside[0], segment.start + inside[-1] + 1)
            kept.append(part)
            segments.append(slice(length, length + len(part)))
            length += len(part)
    index = np.concatenate(kept)
    return LearningData(
        forcing=rows(record.forcing, index),
        observed=np.stack(observed, axis=-1)[index],
        train=(usable & learned[:, None])[index].astype(float),
        validation=(usable & judged[:, None])[index].astype(float),
        segments=tuple(segments),
        dt=record.dt,
    )


def window_starts(data: LearningData, length: int, offset: int) -> np.ndarray:
    """First rows of consecutive windows of `length` rows that hold some training half-hours.

    In each segment the windows begin `offset` rows after its start.

    Raises InputError if there are none, as when every segment is shorter than a window.
    """
    starts = np.concatenate([np.arange(s.start + offset, s.stop - length + 1, length) for s in data.segments])
    counts = np.concatenate([[0.0], np.cumsum(data.train.sum(axis=1))])
    starts = starts[counts[starts + length] - counts[starts] >= 0.1 * length].astype(int)
    if starts.size == 0:
        raise InputError(f"no window of {length} intervals with measured fluxes in the training period")
    return starts
