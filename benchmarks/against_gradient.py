"""How often measured sensible heat flows from cold to warm: by the difference of LaD's surface and the air.

    .venv/bin/python benchmarks/against_gradient.py results/US-Me2 results/US-Wkg

after `./run paper`. Over the measured half-hours of the training periods of `calibrate/parameters.json`, with the
surface temperature of the calibrated LaD.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from lad.evaluation.sanity import surface_temperature
from lad.evaluation.series import measured
from lad.io import read_json, read_netcdf
from lad.periods import mask, parse_periods

EDGES = (-np.inf, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, np.inf)  # K
LEAST = 20.0  # W m-2, of a flux that counts


def main(folders: list[str]) -> None:
    """Print a table for each folder of a site."""
    for folder in map(Path, folders):
        run, forcing = read_netcdf(folder / "simulate/bulk.nc"), read_netcdf(folder / "forcing/forcing.nc")
        periods = read_json(folder / "calibrate/parameters.json")["provenance"]["settings"]["train"]
        H = measured(read_netcdf(folder / "forcing/observations.nc"), "Qh")
        usable = np.isfinite(H) & mask(run.time.values, parse_periods(periods))
        difference = surface_temperature(run).to_numpy() - forcing.Tair.values.ravel()
        bins = pd.cut(difference[usable], EDGES)
        shares = pd.DataFrame({"up": H[usable] > LEAST, "down": H[usable] < -LEAST}).groupby(
            bins, observed=False
        )
        print(f"{folder}: half-hours, and % of them with more than {LEAST:g} W m-2 upward and downward")
        print((100.0 * shares.mean()).assign(n=shares.size()).round(1).to_string())


if __name__ == "__main__":
    main(sys.argv[1:])
