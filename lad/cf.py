"""The time axis of the study's netCDF files, after the conventions CF-1.8."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr


def time_frame(start: np.ndarray, step: float, segment: np.ndarray, attrs: Mapping[str, Any]) -> xr.Dataset:
    """Dataset with interval starts (n,) datetime64, intervals of `step` s as their bounds, and segments (n,)."""
    start = start.astype("datetime64[ns]")
    end = start + np.timedelta64(round(step * 1e9), "ns")
    encoding = {
        "units": f"seconds since {str(start[0])[:4]}-01-01 00:00:00",
        "dtype": "float64",
        "calendar": "standard",
    }
    axis = {"standard_name": "time", "long_name": "start of the interval", "axis": "T", "bounds": "time_bnds"}
    stretch = {"long_name": "number of the stretch of time without a break"}
    dataset = xr.Dataset(attrs={"Conventions": "CF-1.8"} | dict(attrs))
    dataset.coords["time"] = ("time", start, axis, encoding)
    dataset["time_bnds"] = (("time", "bound"), np.stack([start, end], axis=1), {}, encoding)
    dataset["segment"] = ("time", segment.astype("int32"), stretch)
    return dataset
