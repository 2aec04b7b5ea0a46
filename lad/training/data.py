"""What a fit is allowed to see: forcing and measured fluxes of the training and validation periods."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.forcing import Forcing, Record, rows
from lad.mass_curve import MassCurve, mass_curve
from lad.observations import TARGETS, read_observed
from lad.periods import Periods, mask

ENOUGH = 48  # usable values of a flux, the fewest for training and for validation


@dataclasses.dataclass(frozen=True)
class LearningData:
    """The record, each segment cut to the span from its first to its last half-hour of any period.

    Between periods it holds the forcing, which free runs need, but no measured flux: no fit can see the flux
    of a test half-hour, wherever it lies. A half-hour of a validation period never counts as training.
    """

    forcing: Forcing  # (n,)
    observed: Float[Array, "n 2"]  # W m-2, latent and sensible heat; 0 where neither of the two below is 1
    train: Float[Array, "n 2"]  # 1 where a usable measurement may enter the loss
    validation: Float[Array, "n 2"]  # 1 where validation may use it
    time: np.ndarray  # (n,) datetime64, start of each interval
    segments: tuple[slice, ...]  # row ranges without a break
    dt: float  # s
    mass_curve: MassCurve  # of the root zone in training

    @property
    def trained(self) -> np.ndarray:
        """Times of the half-hours with a flux that may enter the loss."""
        return self.time[self.train.any(axis=1)]

    @property
    def before(self) -> np.ndarray:
        """The row before each row in its segment; for the first, that row itself."""
        rows = np.arange(len(self.time)) - 1
        for segment in self.segments:
            rows[segment.start] = segment.start
        return rows

    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (W m-2) of the two targets over training half-hours."""
        count = self.train.sum(axis=0)
        mean = (self.train * self.observed).sum(axis=0) / count
        return mean, np.sqrt((self.train * (self.observed - mean) ** 2).sum(axis=0) / count)


def learning_data(
    record: Record, observations: str | Path, train: Periods, validation: Periods
) -> LearningData:
    """Cut `record` and the observation file to the given periods.

    Raises InputError if the files are of different sites or have different time axes, if a period is without usable
    measurements, if a flux has fewer than `ENOUGH` in training or validation, or if a flux does not vary in
    training.
    """
    if not train:
        raise InputError("no training period given")
    if not validation:
        raise InputError("no validation period given")
    tower = read_observed(observations, record.attrs.get("site_id"))
    if not np.array_equal(tower.time, record.time):
        raise InputError(f"{observations}: its time axis differs from that of the forcing")
    usable = np.stack([tower.usable[target] for target in TARGETS], axis=-1)
    flux = np.stack([tower.flux[target] for target in TARGETS], axis=-1)
    judged = mask(record.time, validation)
    learned = mask(record.time, train) & ~judged
    for name, periods, inside in (("training", train, learned), ("validation", validation, judged)):
        for period in periods:
            if not usable[inside & mask(record.time, (period,))].any():
                raise InputError(f"{observations}: no usable flux in the {name} period {period}")
        for variable, count in zip(TARGETS.values(), usable[inside].sum(axis=0), strict=True):
            if count < ENOUGH:
                where = ", ".join(map(str, periods))
                found = f"{count} usable values of {variable} in the {name} period {where}"
                raise InputError(f"{observations}: {found}, expected at least {ENOUGH}")
    for column, variable in enumerate(TARGETS.values()):
        if np.ptp(flux[learned & usable[:, column], column]) == 0:
            raise InputError(
                f"{observations}: {variable} does not vary in training, there is nothing to learn"
            )
    observed = np.where(usable & (learned | judged)[:, None], flux, 0.0)

    kept, segments, length = [], [], 0
    for segment in record.segments():
        inside = np.flatnonzero((learned | judged)[segment])
        if inside.size:
            part = np.arange(segment.start + inside[0], segment.start + inside[-1] + 1)
            kept.append(part)
            segments.append(slice(length, length + len(part)))
            length += len(part)
    fallen = np.asarray(record.forcing.Rainf + record.forcing.Snowf)
    index = np.concatenate(kept)
    return LearningData(
        forcing=rows(record.forcing, index),
        observed=observed[index],
        train=(usable & learned[:, None])[index].astype(float),
        validation=(usable & judged[:, None])[index].astype(float),
        time=record.time[index],
        segments=tuple(segments),
        dt=record.dt,
        mass_curve=mass_curve(record.time, fallen, tower.flux["LE"], train, validation),
    )


def window_starts(data: LearningData, length: int, offset: int) -> np.ndarray:
    """First rows of consecutive windows of `length` rows that hold some training half-hours.

    In each segment the windows begin `offset` rows after its start, or fewer if no window would fit.

    Raises InputError if there are none, as when every segment is shorter than a window.
    """
    starts = np.concatenate(
        [
            np.arange(s.start + offset % max(1, s.stop - s.start - length + 1), s.stop - length + 1, length)
            for s in data.segments
        ]
    )
    counts = np.concatenate([[0.0], np.cumsum(data.train.sum(axis=1))])
    starts = starts[counts[starts + length] - counts[starts] >= 0.1 * length].astype(int)
    if starts.size == 0:
        raise InputError(f"no window of {length} intervals with measured fluxes in the training period")
    return starts
