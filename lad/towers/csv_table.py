"""From the text of a CSV table to numbers on a time axis; doubtful text is refused."""

import io

import numpy as np
import pandas as pd

from lad.errors import InputError

LABELS = ("TIMESTAMP_START", "TIMESTAMP_END")
NO_VALUE = -9999.0
STEPS = (1800, 3600)  # s


def read_csv(text: bytes, name: str) -> tuple[pd.DataFrame, pd.DatetimeIndex, int]:
    """Numeric columns (NaN where missing), interval starts in local standard time, and step in s.

    Raises InputError for text that is not a table, cells that are not numbers, duplicate columns, short rows (from a
    broken copy), and time labels that are not a regular series.
    """
    text = _decoded(text, name)
    if not text.endswith("\n"):  # the last cell may be incomplete
        text = text[: text.rfind("\n") + 1]
    lines = text.splitlines()
    header = next((number for number, line in enumerate(lines) if not line.startswith("#")), None)
    if header is None:
        raise InputError(f"{name}: not a CSV table (it has no header)")
    _check_form(lines, header, name)
    try:
        raw = pd.read_csv(io.StringIO(text), skiprows=header, low_memory=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InputError(f"{name}: not a CSV table ({str(error).strip()})") from None
    labels = [label for label in LABELS if label in raw]
    if not labels:
        raise InputError(f"{name}: no column {' or '.join(LABELS)} (separated by commas)")
    if len(raw) < 2:
        raise InputError(f"{name}: {len(raw)} rows, expected a time series")
    for column in raw.columns.difference(labels, sort=False):
        raw[column] = _numbers(raw[column], name)
    index, step = _interval_starts({label: _times(raw[label], name) for label in labels}, name)
    return raw.drop(columns=labels).replace(NO_VALUE, np.nan), index, step


def _decoded(text: bytes, name: str) -> str:
    """Text in UTF-8 or UTF-16 (by its mark), else in Latin-1, in which numbers are the same."""
    try:
        return text.decode("utf-16" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        if text[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in text:
            raise InputError(f"{name}: not a CSV table (bytes that are no text)") from None
        return text.decode("latin-1")


def _check_form(lines: list[str], header: int, name: str) -> None:
    """Raise InputError for duplicate columns, and for rows with fewer or more cells than the header."""
    columns = [column.strip().strip('"') for column in lines[header].split(",")]
    twice = next((column for i, column in enumerate(columns) if column in columns[:i]), None)
    if twice is not None:
        raise InputError(f"{name}: column {twice!r} is there twice")
    for number, line in enumerate(lines[header + 1 :], start=1):
        if line.count(",") != len(columns) - 1 and line.strip() and '"' not in line:
            raise InputError(
                f"{name}: data row {number} has {line.count(',') + 1} cells, expected {len(columns)}; not a CSV "
                "table, or cut off"
            )


def _numbers(column: pd.Series, name: str) -> pd.Series:
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != bool
    number = column if numeric else pd.to_numeric(column, errors="coerce")
    wrong = column.index[(number.isna() & column.notna()) | np.isinf(number)]
    if len(wrong):
        raise InputError(
            f"{name}: {column.name} = {str(column[wrong[0]])[:40]!r} in data row {wrong[0] + 1}, expected a number"
        )
    return number if numeric else number.astype(float)


def _times(label: pd.Series, name: str) -> pd.DatetimeIndex:
    """Times of labels YYYYMMDDHHMM or YYYY-MM-DD HH:MM."""
    text = label.astype(str).str.strip().str.removesuffix(".0")
    compact = text.str.fullmatch(r"\d{12}")
    if compact.any():
        times = pd.to_datetime(text.where(compact), format="%Y%m%d%H%M", errors="coerce")
    else:
        times = pd.to_datetime(text.str.replace("T", " ").str[:16], format="%Y-%m-%d %H:%M", errors="coerce")
        times = times.where(text.str.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:00)?"))
    if times.isna().any():
        row = int(np.argmax(times.isna()))
        raise InputError(
            f"{name}: {label.name} {text.iloc[row]} in data row {row + 1}, expected YYYYMMDDHHMM in every row"
        )
    return pd.DatetimeIndex(times, name="time").as_unit("s")


def _interval_starts(labels: dict[str, pd.DatetimeIndex], name: str) -> tuple[pd.DatetimeIndex, int]:
    """Interval starts and step, from the labels of the starts, the ends, or both."""
    start, end = labels.get("TIMESTAMP_START"), labels.get("TIMESTAMP_END")
    series = start if start is not None else end
    lags = np.diff(series) // np.timedelta64(1, "s")
    if (lags <= 0).any():
        at = series[1 + int(np.argmax(lags <= 0))]
        raise InputError(f"{name}: time label {at:%Y-%m-%d %H:%M} is repeated or out of order")
    step = int(lags.min()) if start is None or end is None else int((end[0] - start[0]).total_seconds())
    if step not in STEPS:
        raise InputError(f"{name}: intervals of {step} s, expected 1800 or 3600")
    length = pd.Timedelta(seconds=step)
    if start is None:
        start = (end - length).as_unit("s")
    elif end is not None and (end - start != length).any():
        at = start[int(np.argmax(end - start != length))]
        raise InputError(f"{name}: the interval from {at:%Y-%m-%d %H:%M} is not {step} s long like the first")
    check_raster(start, step, name)
    return start, step


def check_raster(start: pd.DatetimeIndex, step: int, name: str) -> None:
    """Raise InputError for interval starts that are not multiples of the step."""
    odd = start != start.floor(pd.Timedelta(seconds=step))
    if odd.any():
        raise InputError(
            f"{name}: time label {start[int(np.argmax(odd))]:%Y-%m-%d %H:%M} is off the {step} s raster"
        )
