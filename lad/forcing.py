"""Meteorological forcing, piecewise constant over intervals of equal length."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Array, Float

from lad.cf import intervals
from lad.constants import ANTECEDENT_DAYS, ANTECEDENTS, LEAF_AREA
from lad.errors import InputError
from lad.io import read_netcdf
from lad.observations import USABLE_QC, interval_starts, open_series
from lad.physics.saturation import saturation_vapour_pressure, vapour_pressure

# Variable: (unit, lowest, highest value that can be weather)
VARIABLES = {
    "SWdown": ("W m-2", 0.0, 1500.0),
    "LWdown": ("W m-2", 50.0, 750.0),
    "Tair": ("K", 180.0, 335.0),
    "Qair": ("kg/kg", 0.0, 0.1),
    "Psurf": ("Pa", 4.0e4, 1.1e5),
    "Wind": ("m s-1", 0.0, 75.0),
    "Rainf": ("kg m-2 s-1", 0.0, 0.1),
    "Snowf": ("kg m-2 s-1", 0.0, 0.1),
}
LAI = ("m2 m-2", *LEAF_AREA)  # which a file may have


class Forcing(eqx.Module):
    """Means over each interval, all of one shape (n,), or () for a single interval."""

    SWdown: Float[Array, "..."]  # W m-2, shortwave, positive downward
    LWdown: Float[Array, "..."]  # W m-2, longwave, positive downward
    Tair: Float[Array, "..."]  # K
    Qair: Float[Array, "..."]  # kg/kg, specific humidity
    Psurf: Float[Array, "..."]  # Pa
    Wind: Float[Array, "..."]  # m s-1
    Rainf: Float[Array, "..."]  # kg m-2 s-1
    Snowf: Float[Array, "..."]  # kg m-2 s-1
    VPD: Float[
        Array, "..."
    ]  # Pa, vapour-pressure deficit: derived once, not at every evaluation of a flux law
    Rnet: Float[Array, "..."] | None = None  # W m-2, net radiation where it is prescribed, NaN where not
    LAI: Float[Array, "..."] | None = None  # -, leaf area index, where the file has it
    # `ANTECEDENTS`, in SI units: computed once for a whole record, not known for single intervals.
    antecedents: Float[Array, "... antecedents"] | None = None


def make_forcing(**variables: Float[Array, "..."]) -> Forcing:
    """Forcing from the eight variables of `VARIABLES`."""
    arrays = {name: jnp.asarray(variables[name], dtype=float) for name in VARIABLES}
    saturated = saturation_vapour_pressure(arrays["Tair"])
    vpd = jnp.maximum(saturated - vapour_pressure(arrays["Qair"], arrays["Psurf"]), 0.0)
    return Forcing(**arrays, VPD=vpd)


def antecedent_means(weather: Mapping[str, np.ndarray], segment: np.ndarray, dt: float) -> pd.DataFrame:
    """Means of `weather`, (n,) by name, over the days that end with each interval of `dt` s: `Precip_90d`, ….

    For the names in `ANTECEDENT_DAYS`. Days before the start of a `segment` (n,) do not count in a mean.
    """
    means = {}
    for name, lengths in ANTECEDENT_DAYS.items():
        if name in weather:
            by_segment = pd.Series(np.asarray(weather[name])).groupby(segment)
            for days in lengths:
                rolling = by_segment.rolling(round(days * 86400 / dt), min_periods=1).mean()
                means[f"{name}_{days}d"] = rolling.droplevel(0).sort_index()
    return pd.DataFrame(means)


@dataclasses.dataclass(frozen=True)
class Record:
    """A forcing file in memory. Rows of one `segment` follow each other without a break."""

    time: np.ndarray  # (n,) datetime64, start of each interval, local standard time
    segment: np.ndarray  # (n,) int
    forcing: Forcing  # (n,)
    dt: float  # s, length of an interval
    reference_height: float  # m above the zero plane
    attrs: dict  # global attributes of the file

    def segments(self) -> Iterator[slice]:
        """Row ranges of the segments, in time order."""
        edges = np.flatnonzero(np.diff(self.segment)) + 1
        for first, last in zip([0, *edges], [*edges, len(self.time)], strict=True):
            yield slice(int(first), int(last))


def rows(tree, index):
    """Rows `index` (slice or integers) of every array of a tree."""
    return jax.tree.map(lambda x: x[index], tree)


def first_year(forcing: Forcing, dt: float) -> Forcing:
    """The first 365 days of `forcing` (n,) in intervals of `dt` s, all of it if shorter; spin-ups repeat it."""
    return rows(forcing, slice(0, min(round(365 * 86400.0 / dt), forcing.Tair.shape[0])))


def read_record(path: str | Path, net_radiation: str | Path | None = None) -> Record:
    """Read and check a forcing file; `net_radiation` is an observations file whose measured Rnet is prescribed.

    Raises InputError for missing or wrong variables, values outside `VARIABLES`, a time axis that `cf.intervals`
    refuses or that is not uniform inside a segment, and observations that are not of this record or have no measured
    Rnet.
    """
    dataset = read_netcdf(path)
    time, dt = intervals(dataset, path)
    n = len(time)
    if n < 2:
        raise InputError(f"{path}: `time` must hold at least two dates, found {n}")
    segment = _column(dataset, "segment", path) if "segment" in dataset else np.zeros(n)
    steps = (np.diff(time) / np.timedelta64(1, "s"))[np.diff(segment) == 0]
    if steps.size == 0 or (steps != dt).any():
        odd = "none" if steps.size == 0 else f"{steps.min():g} to {steps.max():g} s"
        raise InputError(f"{path}: time steps must be equal inside a segment, found {odd}")
    arrays = {name: _weather(dataset, name, expected, path) for name, expected in VARIABLES.items()}
    if "reference_height" not in dataset or dataset["reference_height"].size != 1:
        raise InputError(f"{path}: no scalar variable reference_height (m)")
    height = float(dataset["reference_height"].values.reshape(()))
    if not 0.0 < height < 1000.0:
        raise InputError(f"{path}: reference_height = {height:g} m, expected 0 to 1000 m")
    forcing, segment = make_forcing(**arrays), segment.astype(int)
    weather = arrays | {"Precip": arrays["Rainf"] + arrays["Snowf"], "VPD": forcing.VPD}
    means = antecedent_means(weather, segment, dt)[list(ANTECEDENTS)]
    leaves = _weather(dataset, "LAI", LAI, path) if "LAI" in dataset else None
    forcing = dataclasses.replace(forcing, antecedents=jnp.asarray(means.to_numpy()), LAI=leaves)
    record = Record(time, segment, forcing, float(dt), height, dict(dataset.attrs))
    return record if net_radiation is None else _with_net_radiation(record, net_radiation)


def _with_net_radiation(record: Record, path: str | Path) -> Record:
    """`record` with the net radiation of an observations file prescribed where it is measured."""
    dataset = open_series(path, record.attrs.get("site_id"), ("Rnet", "Rnet_qc"))
    if not np.array_equal(interval_starts(dataset, path), record.time):
        raise InputError(f"{path}: its time axis differs from that of the forcing")
    measured = np.isin(dataset["Rnet_qc"].values, USABLE_QC)
    values = np.where(measured, dataset["Rnet"].values.astype(float), np.nan)
    if not np.isfinite(values).any():
        raise InputError(f"{path}: no measured Rnet, there is no net radiation to prescribe")
    return dataclasses.replace(record, forcing=dataclasses.replace(record.forcing, Rnet=jnp.asarray(values)))


def _weather(
    dataset: xr.Dataset, name: str, expected: tuple[str, float, float], path: str | Path
) -> np.ndarray:
    """Values (n,) of a variable; raises InputError if it is absent or a value is not as `expected`."""
    unit, low, high = expected
    if name not in dataset:
        raise InputError(f"{path}: no variable {name} ({unit})")
    values = _column(dataset, name, path)
    bad = np.flatnonzero(~((values >= low) & (values <= high)))
    if bad.size:
        when = str(intervals(dataset, path)[0][bad[0]])[:16]
        raise InputError(
            f"{path}: {name} = {values[bad[0]]:g} at {when} ({bad.size} such values), "
            f"expected {low:g} to {high:g} {unit}"
        )
    return values


def _column(dataset: xr.Dataset, name: str, path: str | Path) -> np.ndarray:
    """Values (n,) of a variable over time; further dimensions must have length one."""
    variable = dataset[name]
    if "time" not in variable.dims or variable.size != dataset.sizes["time"]:
        raise InputError(
            f"{path}: {name} has dimensions {dict(variable.sizes)}, expected time (and y, x of length 1)"
        )
    return variable.values.reshape(-1).astype(float)
