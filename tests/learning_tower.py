"""A made-up summer month of a tower for the tests of learning, and its files."""

import json
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from evaluation_site import write_periods

from lad.fluxes import AbstractFluxes, Fluxes
from lad.forcing import read_record
from lad.io import write_json, write_netcdf
from lad.parameters import table_parameters, to_json
from lad.periods import parse_periods
from lad.settings import Descent
from lad.training.data import learning_data
from lad.training.sites import Anchor, read_site
from lad.training.space import calibration_space

SETTINGS = {"steps": 4, "batch": 3, "window_days": [2], "learning_rate": 0.01, "refresh": 2, "patience": 9}
SETTINGS |= {"weight_decay": 0.1, "loss": "variance"}
LAW = {"law": "mlp", "states": True, "hidden": [8]}

DAYS = 30
TRAIN, VALIDATION = "2013-06-01:2013-06-20", "2013-06-08:2013-06-10"


def weather(days: int = DAYS) -> dict[str, np.ndarray]:
    """Half-hours of a summer month with a shower every fifth day."""
    t = (np.arange(48 * days) + 0.5) / 48
    sun = np.maximum(0.0, np.sin(2 * np.pi * (t % 1 - 0.25)))
    air = 291 + 6 * np.sin(2 * np.pi * (t % 1 - 0.375)) + np.sin(t)
    return {
        "SWdown": 800 * sun,
        "LWdown": 330 + 20 * np.sin(t / 3),
        "Tair": air,
        "Qair": np.full_like(t, 0.008),
        "Psurf": np.full_like(t, 98e3),
        "Wind": 2.5 + np.sin(t),
        "Rainf": np.where((t % 5) < 0.1, 1e-3, 0.0),
        "Snowf": np.zeros_like(t),
    }


def fluxes(forcing: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fluxes that follow the sun, with a gap in LE of an hour every night."""
    LE = 0.3 * forcing["SWdown"] + 5
    return {"Qle": np.where(np.arange(len(LE)) % 48 < 2, np.nan, LE), "Qh": 0.35 * forcing["SWdown"] - 10}


def write_tower(folder: Path) -> Path:
    """Write forcing.nc, observations.nc and parameters.json of the month into `folder`; return it."""
    forcing = weather()
    time = np.datetime64("2013-06-01") + np.arange(48 * DAYS) * np.timedelta64(30, "m")
    met = xr.Dataset({k: ("time", v) for k, v in forcing.items()}, {"time": time.astype("datetime64[ns]")})
    met["reference_height"] = 10.0
    observed = xr.Dataset(coords=met.coords)
    for name, values in fluxes(forcing).items():
        observed[name] = ("time", values)
        observed[f"{name}_qc"] = ("time", np.where(np.isfinite(values), 0, 9).astype("int8"))
    write_netcdf(folder / "forcing.nc", met)
    write_netcdf(folder / "observations.nc", observed)
    write_json(folder / "parameters.json", to_json(table_parameters(6, 2, 10.0)))
    return folder


def rewrite(path: Path, change: Callable[[xr.Dataset], None]) -> None:
    """Write a netCDF file again after `change` of its dataset."""
    with xr.open_dataset(path) as dataset:
        changed = dataset.load().drop_encoding()
    change(changed)
    write_netcdf(path, changed)


def of_another_site(dataset: xr.Dataset) -> None:
    """A change that `rewrite` takes."""
    dataset.attrs["site_id"] = "YY-Oth"


class Bursting(AbstractFluxes):
    """A law whose gradient is infinite, though its value is not, where it rains: a square root at zero."""

    weight: jax.Array

    def __call__(self, state, forcing, parameters):
        """H alone."""
        H = self.weight * 10.0 + jnp.sqrt(jnp.where(forcing.Rainf > 0.0, self.weight - self.weight, 1.0))
        return Fluxes(H, jnp.zeros_like(H), jnp.zeros_like(H))


def anchor(parameters):
    """A site of the table's `parameters`, of which a network sees all inputs."""
    space = calibration_space(parameters)
    return Anchor(space, space.origin(), np.zeros(0), np.zeros(5, dtype=bool))


def read_tower(tower):
    """The site of the files of the fixture `tower`."""
    periods = {"train": parse_periods([TRAIN]), "validation": parse_periods([VALIDATION])}
    files = tower / "forcing.nc", tower / "observations.nc"
    return read_site("XX-Tst", *files, **periods, parameters=tower / "parameters.json")


def descent(**settings):
    """Settings of a fit."""
    return Descent(**SETTINGS | settings)


def periods_file(tower):
    """The periods of the synthetic month."""
    return str(write_periods(tower / "periods.json", TRAIN, VALIDATION, "2014-06-01:2014-06-02"))


def train_command(tower, output, **settings):
    """Arguments of `lad train` on the synthetic month."""
    return [
        *(
            "train",
            "--site",
            "XX-Tst",
            "--forcing",
            str(tower / "forcing.nc"),
            "--observations",
            str(tower / "observations.nc"),
        ),
        *("--parameters", str(tower / "parameters.json"), "--periods", periods_file(tower)),
        *("--settings", json.dumps(SETTINGS | settings), "--model-settings", json.dumps(LAW)),
        *("--seeds", "2", "--integrator", "euler-1", "--output-directory", str(output)),
    ]


def read_month(tower):
    """Record of the synthetic month, what a fit sees of it, and parameters."""
    record = read_record(tower / "forcing.nc")
    data = learning_data(record, tower / "observations.nc", *map(parse_periods, ([TRAIN], [VALIDATION])))
    return record, data, table_parameters(6, 2, 10.0)
