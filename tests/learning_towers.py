"""Synthetic months of several towers, unlike in land, length and segments, for the tests of multi-site training."""

import json
from pathlib import Path

import numpy as np
from evaluation_site import write_periods
from learning_tower import VALIDATION, rewrite, write_tower

SITES = {"XX-One": (6, 2), "XX-Two": (4, 1), "XX-Thr": (9, 8)}
"""Site → types of cover and soil."""
SETTINGS = {"steps": 4, "batch": 2, "window_days": [1], "learning_rate": 0.01, "refresh": 2, "patience": 9}
SETTINGS |= {"weight_decay": 0.1, "loss": "variance"}
# The law that compiles fastest.
LAW = {"law": "conductance", "states": ["root"], "hidden": [4], "attributes": ["rs", "C", "canopy"]}


def write_towers(folder: Path) -> Path:
    """A folder for each site with forcing.nc, observations.nc and periods.json; return `folder`."""
    for number, (site, (cover, soil)) in enumerate(SITES.items()):
        (folder / site).mkdir()
        write_tower(folder / site)

        def change(dataset, site=site, number=number, cover=cover, soil=soil):
            record = {"settings": {"site": {"canopy_height": 0.5 + number}}}
            dataset.attrs |= {"site_id": site, "lad_cover": cover, "lad_soil": soil, "igbp": f"C{cover}"}
            dataset.attrs["provenance"] = json.dumps(record)
            if number == 1:  # a record with a gap
                dataset["segment"] = ("time", (np.arange(dataset.sizes["time"]) >= 48 * 10).astype(int))
            if "Tair" in dataset:
                dataset["Tair"] = dataset["Tair"] + number

        for name in ("forcing.nc", "observations.nc"):
            rewrite(folder / site / name, change)
        train = f"2013-06-01:2013-06-{20 - 4 * number}"
        write_periods(folder / site / "periods.json", train, VALIDATION, "2013-06-22:2013-06-28")
    return folder


def train_command(folder: Path, output: Path, sites=tuple(SITES), **settings) -> list[str]:
    """Arguments of `lad train` on `sites`."""
    files = {
        name: [str(folder / site / f"{name}.nc") for site in sites] for name in ("forcing", "observations")
    }
    return [
        *("train", "--site", *sites, "--forcing", *files["forcing"]),
        *("--observations", *files["observations"]),
        *("--periods", *(str(folder / site / "periods.json") for site in sites)),
        *("--model-settings", json.dumps(LAW), "--settings", json.dumps(SETTINGS | settings)),
        *("--seeds", "2", "--integrator", "euler-1", "--output-directory", str(output)),
    ]
