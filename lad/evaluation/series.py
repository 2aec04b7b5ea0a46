"""Simulated fluxes on the time axis of the observed ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lad.errors import InputError
from lad.observations import TARGETS, interval_starts, open_series


class Simulated(NamedTuple):
    """Fluxes of one model: by target (members, n); `seeds` names the members, ("",) without seeds."""

    seeds: tuple[str, ...]
    flux: dict[str, np.ndarray]

    def mean(self, target: str) -> np.ndarray:
        """Ensemble mean (n,); of a model without seeds its one series."""
        return self.flux[target].mean(axis=0)


def read_at(path: str | Path, site: str, names: Sequence[str], time: np.ndarray) -> dict[str, np.ndarray]:
    """Variables `names` of a file at the interval starts `time` (n,), each (n,).

    Raises InputError if the file lacks a variable or one of these times, is of another site than `site`, holds a
    value there that is not finite, or states another unit of a target than W m-2; one that states none is believed.
    """
    dataset = open_series(path, site, names)
    for name in set(names) & set(TARGETS.values()):
        units = dataset[name].attrs.get("units", "W m-2")
        if units != "W m-2":
            raise InputError(f"{path}: {name} is in {units!r}, expected 'W m-2'")
    present = interval_starts(dataset, path)
    position = np.searchsorted(present, time)
    absent = ~np.isin(time, present)
    if absent.any():
        raise InputError(
            f"{path}: lacks {absent.sum()} of the {time.size} half-hours asked for, the first is "
            f"{time[absent][0]}"
        )
    values = {name: dataset[name].values[position].astype(float) for name in names}
    for name, series in values.items():
        broken = ~np.isfinite(series)
        if broken.any():
            raise InputError(
                f"{path}: {name} is not finite in {broken.sum()} of {time.size} half-hours, the first is "
                f"{time[broken][0]}"
            )
    return values


def parse_simulations(texts: Sequence[str]) -> dict[str, dict[str, Path]]:
    """`["bulk=a.nc", "mlp/0=b.nc", …]` as model → seed → file, in the given order; "" is no seed."""
    paths: dict[str, dict[str, Path]] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        model, _, seed = name.partition("/")
        if not (equals and model and path):
            raise InputError(f"simulation {text!r}: expected MODEL=FILE or MODEL/SEED=FILE")
        seeds = paths.setdefault(model, {})
        if seed in seeds or (seeds and "" in {seed, *seeds}):
            raise InputError(f"simulation {text!r}: model {model} is given twice, or with and without seeds")
        seeds[seed] = Path(path)
    return paths


def read_simulated(paths: dict[str, dict[str, Path]], site: str, time: np.ndarray) -> dict[str, Simulated]:
    """Every model's fluxes at `time` (n,); raises InputError as `read_at`."""
    simulated = {}
    for model, files in paths.items():
        members = [read_at(path, site, tuple(TARGETS.values()), time) for path in files.values()]
        flux = {target: np.stack([member[name] for member in members]) for target, name in TARGETS.items()}
        simulated[model] = Simulated(tuple(files), flux)
    return simulated
