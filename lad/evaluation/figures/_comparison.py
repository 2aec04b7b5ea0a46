"""What the figures of a site compare."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.evaluation.models import ordered
from lad.evaluation.series import Simulated
from lad.observations import Observed


class Comparison(NamedTuple):
    """What all figures show: fluxes (W m⁻², positive upward) at the same test half-hours."""

    title: str
    observed: Observed
    simulated: dict[str, Simulated]

    @property
    def time(self) -> pd.DatetimeIndex:
        """Interval starts."""
        return pd.DatetimeIndex(self.observed.time.astype("datetime64[ns]"))

    @property
    def step(self) -> pd.Timedelta:
        """Length of an interval."""
        return pd.Timedelta(self.time.to_series().diff().min())

    def models(self) -> list[str]:
        """Models in the order of the tables."""
        return ordered(list(self.simulated))

    def tower(self, target: str) -> pd.Series:
        """Observed flux, NaN where it is not usable."""
        flux = np.where(self.observed.usable[target], self.observed.flux[target], np.nan)
        return pd.Series(flux, self.time)

    def members(self, model: str, target: str) -> pd.DataFrame:
        """Simulated flux at all test half-hours, one column per seed."""
        simulated = self.simulated[model]
        return pd.DataFrame(simulated.flux[target].T, self.time, columns=list(simulated.seeds))
