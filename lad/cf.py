"""The time axis of netCDF files, by the CF-1.8 conventions: written in the study's files, read in all."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lad.errors import InputError

# Words by which files state where a time label lies in its interval; "since the start of …" does not count.
LABELS = {
    "start": r"\b(start\w*|begin\w*|left)\b",
    "middle": r"\b(mid(?!night|day)\w*|cent(er|re)\w*)\b",
    "end": r"\b(end|ends|ending|right)\b",
}
REFERENCE = r"\b(since|from|after)\s+(the\s+)?(start|begin\w*|end|mid\w*|cent\w*)"
SHIFTS = {"start": 0.0, "middle": 0.5, "end": 1.0}  # from the start of an interval to its label, in intervals
SILENT = {
    "units",
    "calendar",
    "bounds",
    "axis",
    "standard_name",
}  # attributes of time without a description in words
OFFSETS = ("utc_offset_hours", "local_utc_offset_hours", "utc_offset", "timezone_offset", "gmt_offset")
ZONE = re.compile(r"\b(?:UTC|GMT|universal time)\b(?:\s*([+-])\s*(\d{1,2})(?::?(\d\d))?\b)?", re.IGNORECASE)
SIGNED = re.compile(
    r"\s*(?:UTC|GMT)?\s*([+-]?)(\d{1,2})(?::?(\d\d)|\.(\d+))?\s*(?:h|hours?)?\s*", re.IGNORECASE
)


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


def intervals(dataset: xr.Dataset, source: str | Path) -> tuple[np.ndarray, int]:
    """Interval starts (n,) datetime64[s] in local standard time and their length in s (0: a single label).

    The start is the lower bound where `time` has bounds. Else attributes of `time`, or `cell_methods`, say whether a
    label is the start, the middle or the end; else labels half a step off the raster are middles, all others starts.
    Labels in a stated zone are moved to the offset from UTC that the file states for its site.

    Raises InputError, naming the file `source`, if there are no dates that increase strictly, if bounds contradict
    each other or the labels, or if the zone is not local standard time and cannot be converted to it.
    """
    if "time" not in dataset.variables or dataset["time"].dims != ("time",):
        raise InputError(f"{source}: no dimension and variable time with dates")
    time = dataset["time"]
    if not np.issubdtype(time.dtype, np.datetime64) or np.isnat(time.values).any():
        raise InputError(
            f"{source}: no dimension and variable time with dates, expected units like 'seconds since 2013-01-01' "
            "and the standard calendar"
        )
    shift = _to_local(dataset, source)
    label = _seconds(time.values) + shift
    lags = np.diff(label).astype(int)
    if (lags <= 0).any():
        at = label[1 + int(np.argmax(lags <= 0))]
        raise InputError(f"{source}: time does not increase strictly, at {_text(at)}")
    lag = int(lags.min()) if lags.size else 0
    name = next((n for n in (time.attrs.get("bounds"), "time_bnds", "time_bounds") if n in dataset), None)
    if name is not None:
        return _from_bounds(dataset[name].values, label, lag, shift, f"{source}: {name}")
    place = _label_position(dataset, source)
    if place is None:
        halfway = lag and (label.astype(int) % lag == lag / 2).all()
        place = "middle" if halfway else "start"
    if place != "start" and not lag:
        raise InputError(f"{source}: a single time label, the {place} of an interval of unknown length")
    return label - np.timedelta64(round(SHIFTS[place] * lag), "s"), lag


def _from_bounds(
    bounds: np.ndarray, label: np.ndarray, lag: int, shift: np.timedelta64, what: str
) -> tuple[np.ndarray, int]:
    """Starts and length of the intervals `bounds` (n, 2), which have to fit the labels (n,) that are `lag` s apart."""
    if bounds.shape != (len(label), 2) or not np.issubdtype(bounds.dtype, np.datetime64):
        raise InputError(
            f"{what} has shape {bounds.shape}, expected two dates for each of {len(label)} times"
        )
    if np.isnat(bounds).any():
        raise InputError(f"{what} has missing dates, expected two dates for each time")
    lower, upper = (_seconds(side) + shift for side in bounds.T)
    length = (upper - lower).astype(int)
    step = int(length[0])
    wrong = {
        "does not end after it begins": length <= 0,
        f"is not {step} s long like the first": length != step,
        "does not hold its label": (label < lower) | (label > upper),
        "begins before the last one ends": np.append(False, lower[1:] < upper[:-1]),
    }
    for fault, rows in wrong.items():
        if rows.any():
            row = int(np.argmax(rows))
            raise InputError(f"{what}: the interval of {_text(label[row])} {fault}")
    if lag and lag != step:
        raise InputError(f"{what}: intervals of {step} s, but the times are {lag} s apart")
    return lower, step


def _label_position(dataset: xr.Dataset, source: str | Path) -> str | None:
    """Where a label lies in its interval, as the file states it: a key of `LABELS`, else None."""
    said = [text for key, text in dataset["time"].attrs.items() if key not in SILENT]
    said += [text for key, text in dataset.attrs.items() if re.search(r"time.?(stamp|label)", key.lower())]
    said += [v.attrs.get("cell_methods", "") for v in dataset.data_vars.values() if "time" in v.dims]
    words = re.sub(
        REFERENCE, " ", " ; ".join(t.replace("_", " ") for t in said if isinstance(t, str)).lower()
    )
    found = [place for place, pattern in LABELS.items() if re.search(pattern, words)]
    if len(found) > 1:
        raise InputError(
            f"{source}: its attributes call the time labels {' and '.join(found)} of the interval"
        )
    return found[0] if found else None


def _to_local(dataset: xr.Dataset, source: str | Path) -> np.timedelta64:
    """What to add to the decoded labels to get local standard time."""
    time = dataset["time"]
    offset = _site_offset(dataset)
    units = str(time.encoding.get("units", ""))
    zone = re.sub(r"^.*since\s+[\d-]+([T\s]+\d+(:[\d.]+)*)?\s*", "", units)
    if zone:  # labels are decoded to UTC
        stated = 0.0 if zone.upper() in ("Z", "UTC", "GMT") else _hours(zone) if zone[0] in "+-" else None
        if stated is None:
            raise InputError(f"{source}: units {units!r} of time, expected no zone, UTC or one like +10:00")
        named, decoded = units, 0.0
    else:
        named, stated = _worded_zone(dataset)
        decoded = stated
    if stated is None:
        return np.timedelta64(0, "s")
    if offset is None:
        zone = f"UTC{stated:+g}" if stated else "UTC"
        raise InputError(
            f"{source}: time is in {zone} ({named}), expected local standard time, or the offset of the site in a "
            f"global attribute {OFFSETS[0]}"
        )
    return np.timedelta64(round(3600 * (offset - decoded)), "s")


def _site_offset(dataset: xr.Dataset) -> float | None:
    """Offset of the site's local standard time from UTC, h, if the file states it, else None."""
    stated = {key.lower(): value for key, value in dataset.attrs.items()}
    names = (*OFFSETS, "time_zone", "timezone")
    found = (_hours(stated[name]) for name in names if name in stated and str(stated[name]).upper() != "UTC")
    return next((hours for hours in found if hours is not None), None)


def _worded_zone(dataset: xr.Dataset) -> tuple[str, float | None]:
    """The words that state the zone of the labels, and that zone, h; None if it is local time or not stated."""
    time = dataset["time"]
    for key, text in time.attrs.items():
        if re.search(r"(time.?zone|(utc|gmt|zone).?offset)", key.lower()):
            if (hours := _hours(text)) is not None:
                return f"{key} {text}", hours
    for key, text in dataset.attrs.items():
        if key.lower() in ("time_zone", "timezone") and str(text).upper() in ("UTC", "GMT", "Z", "ETC/UTC"):
            return f"{key} {text}", 0.0
    for key, text in time.attrs.items():
        if isinstance(text, str) and "local" not in text.lower() and (match := ZONE.search(text)):
            return f"{key} {text!r}", _hours("".join(filter(None, match.groups()[:2])) or "0")
    return "", None


def _hours(text: Any) -> float | None:
    """Hours of an offset such as 10, "+10:00", "-0330", "UTC+9.5", "UTC"; None for any other text."""
    if str(text).strip().upper() in ("UTC", "GMT", "Z", "ETC/UTC"):
        return 0.0
    match = SIGNED.fullmatch(str(text))
    if match is None:
        return None
    sign, hours, minutes, decimals = match.groups()
    size = int(hours) + int(minutes or 0) / 60 + float(f"0.{decimals or 0}")
    return -size if sign == "-" else size


def _seconds(time: np.ndarray) -> np.ndarray:
    """The same times to the nearest second: days in floating point are off by a fraction of one."""
    return (time.astype("datetime64[ms]") + np.timedelta64(500, "ms")).astype("datetime64[s]")


def _text(time: np.datetime64) -> str:
    return str(time)[:16].replace("T", " ")
