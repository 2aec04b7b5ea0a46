"""Leaf area index of MODIS around a tower, from ORNL DAAC's subset service (https://modis.ornl.gov/data/modis_webservice.html).

Product MCD15A3H (Myneni et al. 2021, doi:10.5067/MODIS/MCD15A3H.061): every four days since July 2002, pixels of 500 m.
"""

import datetime as dt
import json
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.progress import Progress
from lad.towers.http import Client, NotAvailable

MODIS = "https://modis.ornl.gov/rst/api/v1/"
PRODUCT, LEAVES, QUALITY = "MCD15A3H", "Lai_500m", "FparLai_QC"
SCALE, HIGHEST = 0.1, 100  # of a count; higher ones are fill values: water, barren, urban, not retrieved
DATES = 10  # in a request, as many as the service allows
AROUND = 1  # pixels to each side of the tower's that are averaged


def leaf_area(client: Client, service: str, latitude: float, longitude: float) -> pd.DataFrame:
    """LAI (m2 m-2) by date around a place: `date`, `lai` (mean of the valid pixels of 3 x 3), `valid` (their number).

    Dates without a valid pixel are left out. Raises InputError, naming the service, if it does not answer as
    documented or has no valid pixel.
    """
    where = {"latitude": latitude, "longitude": longitude}
    try:
        listed = _asked(client, f"{service}{PRODUCT}/dates?{urlencode(where)}")["dates"]
        names = [date["modis_date"] for date in listed]
        rows: dict[str, tuple[float, int]] = {}
        progress = Progress(f"LAI of {service}, dates", len(names))
        for first in range(0, len(names), DATES):
            part = names[first : first + DATES]
            span = {"startDate": part[0], "endDate": part[-1], "kmAboveBelow": 1, "kmLeftRight": 1}
            rows |= _means(_asked(client, f"{service}{PRODUCT}/subset?{urlencode(where | span)}"))
            progress.update(first + len(part))
    except NotAvailable as error:
        raise InputError(f"LAI: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"LAI: {service} does not answer as its documentation says ({error!r})") from None
    table = pd.DataFrame(
        [(date, *row) for date, row in sorted(rows.items())], columns=["date", "lai", "valid"]
    )
    table = table[table["valid"] > 0]
    if table.empty:
        raise InputError(f"LAI: {service} has no valid pixel at {latitude}, {longitude}")
    return table


def _asked(client: Client, url: str) -> dict[str, Any]:
    return json.loads(client.read(url))


def _means(reply: dict[str, Any]) -> dict[str, tuple[float, int]]:
    """Mean LAI of the valid pixels around the centre, and their number, by date."""
    shape = int(reply["nrows"]), int(reply["ncols"])
    middle = tuple(slice(size // 2 - AROUND, size // 2 + AROUND + 1) for size in shape)
    layers = {
        (part["calendar_date"], part["band"]): np.array(part["data"], dtype=int).reshape(shape)[middle]
        for part in reply["subset"]
        if part["band"] in (LEAVES, QUALITY)
    }
    found = {}
    for date in {date for date, _ in layers}:
        dt.date.fromisoformat(date)
        counts = layers[date, LEAVES]
        valid = _good(layers[date, QUALITY]) & (counts <= HIGHEST)
        found[date] = (SCALE * counts[valid].mean() if valid.any() else np.nan, int(valid.sum()))
    return found


def _good(quality: np.ndarray) -> np.ndarray:
    """Pixels of the main algorithm under a clear sky, by the bits of FparLai_QC (user guide of the product, table 5).

    Bit 0 is 0 for good quality, bit 2 for detectors that work; bits 3 and 4 are 0 for a clear sky and 3 for an
    assumed clear sky; bits 5 to 7 are 0 for the main algorithm, 1 where it saturates.
    """
    sky, algorithm = quality >> 3 & 3, quality >> 5
    return (quality & 0b101 == 0) & np.isin(sky, (0, 3)) & np.isin(algorithm, (0, 1))
