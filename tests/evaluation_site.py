"""A made-up site for the tests of the evaluation: eight days of fluxes, and its files."""

import argparse
import importlib
import json
from pathlib import Path

import numpy as np
import xarray as xr

from lad.io import write_json

SITE = "XX-Tst"
TRAIN, VALIDATION, TEST = "2020-06-01:2020-06-04", "2020-06-02:2020-06-02", "2020-06-05:2020-06-08"
N = 8 * 48
TEST_START = 4 * 48


def lad(step: str, *arguments: object) -> None:
    """Run one step as its command would."""
    module = importlib.import_module(f"lad.steps.{step}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    module.run(parser.parse_args([str(argument) for argument in arguments]))


class Site:
    """Arrays to be changed by a test, then written as files by `write`."""

    def __init__(self, folder: Path, name: str = SITE):
        self.folder, self.name = folder, name
        self.time = np.datetime64("2020-06-01", "ns") + np.arange(N) * np.timedelta64(30, "m")
        hour = np.arange(N) % 48 / 2
        day = np.arange(N) // 48
        noise = np.random.default_rng(1).normal(0, 5, (2, N))
        self.sw = np.clip(800 * np.sin((hour - 6) / 12 * np.pi), 0, None) * (1 + 0.1 * np.sin(day))
        self.tair = 290 + 8 * np.sin((hour - 9) / 12 * np.pi) + np.sin(day)
        self.le = 0.3 * self.sw + 10 + noise[0]
        self.h = 0.4 * self.sw - 20 + noise[1]
        self.qc = np.zeros(N, dtype=np.int8)
        self.measured: dict[str, np.ndarray] = {}  # further variables of the tower
        self.simulations: dict[str, dict[str, np.ndarray]] = {
            "bulk": {"Qle": 0.2 * self.sw, "Qh": 0.5 * self.sw},
            "mlp/0": {"Qle": self.le + 5, "Qh": self.h + 5},
            "mlp/1": {"Qle": self.le - 15, "Qh": self.h - 7},
        }

    def _save(self, name: str, time: np.ndarray, **variables: np.ndarray) -> Path:
        path = self.folder / f"{name.replace('/', '_')}.nc"
        columns = {key: (("time", "soil_layer")[: values.ndim], values) for key, values in variables.items()}
        row = {"settings": {"site": {"name": f"tower {self.name}", "igbp": "GRA"}}}
        xr.Dataset(columns, {"time": time}, {"site_id": self.name, "provenance": json.dumps(row)}).to_netcdf(
            path
        )
        return path

    def write(self, simulated_time: np.ndarray | None = None, **periods: str) -> list[object]:
        """Write all files; return the options of `evaluate` and `figures`. `periods` replace the usual ones."""
        flags = {f"{name}_qc": self.qc for name in ("Qle", "Qh", *self.measured)}
        rain = np.where(np.arange(N) % 100 < 3, 1e-4, 0.0)
        time = self.time if simulated_time is None else simulated_time
        observations = self._save("observations", self.time, Qle=self.le, Qh=self.h, **self.measured, **flags)
        air = {"Tair": self.tair, "Qair": np.full(N, 0.006), "Psurf": np.full(N, 9.5e4)}
        forcing = self._save("forcing", self.time, SWdown=self.sw, Rainf=rain, Snowf=0 * rain, **air)
        simulations = [
            f"{name}={self._save(name, time, **fluxes)}" for name, fluxes in self.simulations.items()
        ]
        files = ["--observations", observations, "--forcing", forcing, "--simulation", *simulations]
        return [
            "--site",
            self.name,
            *files,
            "--periods",
            write_periods(self.folder / "periods.json", **periods),
        ]


def write_periods(path: Path, train: str = TRAIN, validation: str = VALIDATION, test: str = TEST) -> Path:
    """A file of periods as `lad periods` writes it, each given as FIRST:LAST."""
    given = {"train": train, "validation": validation, "test": test}
    write_json(path, {name: [text.split(":")] for name, text in given.items()})
    return path
