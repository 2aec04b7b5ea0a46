"""What the towers of a study are: place, vegetation and climate, from their forcing files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lad.constants import YEAR
from lad.io import read_netcdf
from lad.towers.sites import site_row
from lad.training import climate


def describe(files: Mapping[str, str | Path]) -> pd.DataFrame:
    """A row for each site from its forcing file: name, IGBP class, position (degrees, m), years of record, climate.

    `air`: mean air temperature (°C); `precipitation` in mm a year; `aridity`: potential evaporation over precipitation.
    Raises InputError for a file that `lad forcing` did not write.
    """
    rows = []
    for site, path in files.items():
        forcing = read_netcdf(path)
        row = site_row(forcing.attrs, path)
        rows.append(
            {"site": site}
            | {name: row[name] for name in ("name", "igbp", "latitude", "longitude", "elevation")}
            | {
                "years": np.unique(forcing.time.values.astype("datetime64[M]")).size / 12.0,
                "air": float(forcing["Tair"].mean()) - 273.15,
                "precipitation": YEAR * climate.precipitation(forcing).mean(),
                "aridity": np.exp(climate.aridity(forcing)),
            }
        )
    return pd.DataFrame(rows)
