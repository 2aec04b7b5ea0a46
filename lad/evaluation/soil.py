"""What a tower's sensors say about its soil, which no fit has seen, and what simulations say about theirs."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from lad.evaluation.series import measured, positions
from lad.observations import interval_starts, open_series

SENSOR_LAYER = 1  # of the model, 0.5 to 5 cm, where the shallowest sensors are
STORES = ("RootMoist", "SWE")


def sensors(observed: xr.Dataset, prefix: str) -> list[str]:
    """Names `{prefix}_1`, `{prefix}_2`, … of the sensors that there are, from the shallowest down."""
    return [name for name in (f"{prefix}_{k}" for k in range(1, 10)) if name in observed]


class States(NamedTuple):
    """States of one model's members at the ends of intervals: (members, n) by name."""

    seeds: tuple[str, ...]
    values: dict[str, np.ndarray]  # SoilTemp of `SENSOR_LAYER` K, RootMoist and SWE kg m-2


def read_sensors(path: str | Path, site: str, time: np.ndarray) -> dict[str, np.ndarray]:
    """Measured values (n,) of all sensors at `time` (n,), by name; SoilTemp K, SoilMoist m3 m-3, NaN in gaps.

    A sensor that measured nothing then is left out. Raises InputError as `positions`.
    """
    dataset = open_series(path, site, ())
    row = positions(interval_starts(dataset, path), time, path)
    names = sensors(dataset, "SoilTemp") + sensors(dataset, "SoilMoist")
    found = {name: measured(dataset, name)[row] for name in names}
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def read_states(paths: Mapping[str, Mapping[str, Path]], site: str, time: np.ndarray) -> dict[str, States]:
    """States of all models (`series.parse_simulations`) at `time` (n,); models whose files have none are left out.

    Raises InputError as `positions`.
    """
    found = {}
    for model, files in paths.items():
        members = [_read(path, site, time) for path in files.values()]
        if all(members):
            stacked = {name: np.stack([member[name] for member in members]) for name in members[0]}
            found[model] = States(tuple(files), stacked)
    return found


def _read(path: Path, site: str, time: np.ndarray) -> dict[str, np.ndarray]:
    dataset = open_series(path, site, ())
    if not {"SoilTemp", *STORES} <= set(dataset):
        return {}
    row = positions(interval_starts(dataset, path), time, path)
    values = {"SoilTemp": dataset["SoilTemp"].values[row, SENSOR_LAYER]}
    return values | {name: dataset[name].values[row] for name in STORES}
