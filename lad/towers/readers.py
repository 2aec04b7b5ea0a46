"""Readers of tower archives: one per family, all giving the same table in SI units with flags."""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.io import sha256
from lad.towers import archives
from lad.towers.humidity import deficit
from lad.towers.sites import Site
from lad.towers.variables import (
    FLUXES,
    FORCING,
    MEASURED,
    MISSING,
    NOT_KNOWN,
    PROFILES,
    REANALYSIS,
    SYNTHESISED,
    USTAR,
    variable,
    worst,
)

LABELS = ("TIMESTAMP_START", "TIMESTAMP_END")
NO_VALUE = -9999.0
# Columns of the product that were never measured, whatever their own flag says.
COMPUTED = {"LW_IN_JSB_F": SYNTHESISED} | {f"{v.fluxnet}_ERA": REANALYSIS for v in FORCING.values()}


@dataclass(frozen=True)
class Table:
    """Contents of one archive. Both frames have the interval start (local standard time) as index and the
    same columns: SI values (NaN where missing) and int8 flags (9 where missing)."""

    name: str
    sha256: str
    step: int  # s
    values: pd.DataFrame
    flags: pd.DataFrame
    remarks: tuple[str, ...] = ()  # what the reader had to decide, a line each


def read_archive(path: str | Path, site: Site) -> Table:
    """Read an archive of any known family, or the table unpacked from one.

    Raises InputError for what `archives.read_table` refuses, cells that are not numbers, and time labels that
    are no regular series. Variables that the archive does not have, or has without a single value, are no
    columns of the table.
    """
    path = Path(path)
    family, file = archives.read_table(path, site.site_id)
    name = path.name
    columns, index, step = _read_csv(file, name)
    read = _read_product if family is archives.FLUXNET else _read_raw
    values, flags, remarks = read(columns, step)
    if {"Tair", "_RH"} <= values.keys():
        given = values.get("VPD", np.full(len(index), np.nan))
        stated = flags.get("VPD", np.full(len(index), MISSING))
        values["VPD"] = np.where(np.isnan(given), deficit(values["Tair"], values["_RH"]), given)
        flags["VPD"] = np.where(np.isnan(given), worst(flags["Tair"], flags["_RH"]), stated)
    for table in (values, flags):
        table.pop("_RH", None)
    values = pd.DataFrame(values, index=index)
    flags = pd.DataFrame(flags, index=index).astype(np.int8).mask(values.isna(), MISSING)
    return Table(name, sha256(path), step, values, flags, tuple(f"{name}: {remark}" for remark in remarks))


def _read_csv(file: io.BytesIO, name: str) -> tuple[pd.DataFrame, pd.DatetimeIndex, int]:
    """Numeric columns (NaN where missing), interval starts and step in s."""
    try:
        # BADM texts are not always UTF-8; numbers are the same in Latin-1.
        raw = pd.read_csv(file, comment="#", encoding="latin-1", low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{name}: not a CSV table ({str(error).strip()})") from None
    for column in raw.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in raw.dtypes]]:
        number = pd.to_numeric(raw[column], errors="coerce")
        wrong = raw.index[number.isna() & raw[column].notna()]
        if len(wrong):
            raise InputError(
                f"{name}: {column} = {raw[column][wrong[0]]!r} in data row {wrong[0] + 1}, expected a number"
            )
        raw[column] = number
    labels = [label for label in LABELS if label in raw]
    if not labels:
        raise InputError(f"{name}: no column {' or '.join(LABELS)}")
    if len(raw) < 2:
        raise InputError(f"{name}: {len(raw)} rows, expected a time series")
    index, step = _interval_starts({label: _times(raw[label], name) for label in labels}, name)
    return raw.drop(columns=labels).replace(NO_VALUE, np.nan), index, step


def _times(label: pd.Series, name: str) -> pd.DatetimeIndex:
    """Times of labels YYYYMMDDHHMM."""
    try:
        text = label.astype("int64").astype(str)
    except (ValueError, TypeError):
        raise InputError(f"{name}: a {label.name} is missing, expected YYYYMMDDHHMM in every row") from None
    times = pd.to_datetime(text.where(text.str.len() == 12), format="%Y%m%d%H%M", errors="coerce")
    if times.isna().any():
        raise InputError(f"{name}: {label.name} {text[times.isna()].iloc[0]}, expected YYYYMMDDHHMM")
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
    if step not in (1800, 3600):
        raise InputError(f"{name}: intervals of {step} s, expected 1800 or 3600")
    length = pd.Timedelta(seconds=step)
    if start is None:
        start = (end - length).as_unit("s")
    elif end is not None and (end - start != length).any():
        at = start[int(np.argmax(end - start != length))]
        raise InputError(f"{name}: the interval from {at:%Y-%m-%d %H:%M} is not {step} s long like the first")
    odd = start != start.floor(length)
    if odd.any():
        raise InputError(
            f"{name}: time label {start[int(np.argmax(odd))]:%Y-%m-%d %H:%M} is off the {step} s raster"
        )
    return start, step


def _to_si(name: str, column: np.ndarray, step: int) -> np.ndarray:
    if name == "_RH":
        return column
    description = variable(name)
    per_step = step if description.per_step else 1.0
    return column * description.scale / per_step + description.offset


def _read_product(columns: pd.DataFrame, step: int) -> tuple[dict, dict, list[str]]:
    """FLUXNET products: gap-filled columns with their flags first, then columns without a fill.

    The whole `_F` column is missing where the product had no reanalysis to merge; the sensor's column may
    still be there.
    """
    candidates = {name: (f"{v.fluxnet}_F", v.fluxnet) for name, v in FORCING.items()}
    candidates["LWdown"] = ("LW_IN_F", "LW_IN_JSB_F", "LW_IN", "LW_IN_ERA")
    candidates |= {name: (f"{v.fluxnet}_F_MDS", v.fluxnet) for name, v in FLUXES.items()}
    candidates |= {name: (v.fluxnet,) for name, v in USTAR.items()} | {"_RH": ("RH",)}
    for name, v in PROFILES.items():
        for column in columns.filter(regex=rf"^{v.fluxnet}_F_MDS_\d+$").columns:
            candidates[f"{name}_{column.rsplit('_', 1)[1]}"] = (column,)
    values, flags = {}, {}
    for name, sources in candidates.items():
        value = np.full(len(columns), np.nan)
        flag = np.full(len(columns), MISSING)
        for source in sources:
            if source not in columns:
                continue
            column = columns[source].to_numpy(float)
            stated = columns.get(f"{source}_QC", pd.Series(np.nan, columns.index)).to_numpy(float)
            if source in COMPUTED:
                quality = np.full(len(columns), COMPUTED[source])
            else:
                quality = _product_flag(stated)
            take = np.isnan(value) & ~np.isnan(column)
            value[take], flag[take] = column[take], quality[take]
        if np.isfinite(value).any():
            values[name], flags[name] = _to_si(name, value, step), flag
    return values, flags, []


def _product_flag(stated: np.ndarray) -> np.ndarray:
    """Flags 0 to 3 of the product are ours; none stated, or another number, is `not_known`."""
    known = np.isin(stated, (0, 1, 2, 3))
    return np.where(known, np.nan_to_num(stated), NOT_KNOWN).astype(int)


def _read_raw(columns: pd.DataFrame, step: int) -> tuple[dict, dict, list[str]]:
    """Archives of what the sensors gave (BASE, European database): not filled, so every value is measured.

    Fluxes that fail the stationarity and turbulence tests (SSITC flag 2; Foken et al. 2004) are dropped.
    Ground heat flux is the mean over the plates. Of the other variables the first sensor with any value
    counts, with its replicates where it has none; a sensor at another place or height measures something
    else. Where the first is not at the first place and height of the tower, a remark says so.
    """
    single = {name: v.fluxnet for name, v in (FORCING | FLUXES | USTAR).items()} | {"_RH": "RH"}
    values, remarks = {}, []
    for name, fluxnet in single.items():
        sensors = _sensors(columns, fluxnet).dropna(axis=1, how="all")
        if sensors.empty:
            continue
        tests = columns.filter(regex=rf"^{fluxnet}_SSITC_TEST(_\d+_\d+_\d+)?$")
        combined = sensors.mean(axis=1) if name == "Qg" else _with_replicates(sensors)
        values[name] = combined.mask((tests == 2).any(axis=1)).to_numpy(float)
        first = sensors.columns[0]
        if name != "Qg" and re.search(r"(?<!_1_1)_\d+$", first):
            remarks.append(f"{first} is taken, there is no {fluxnet}_1_1_1 with any value")
    for name, v in PROFILES.items():
        sensors = _sensors(columns, v.fluxnet)
        values |= {
            f"{name}_{i}": sensors[column].to_numpy(float) for i, column in enumerate(sensors, start=1)
        }
    values = {name: _to_si(name, value, step) for name, value in values.items() if np.isfinite(value).any()}
    return values, {name: np.full(len(columns), MEASURED) for name in values}, remarks


def _with_replicates(sensors: pd.DataFrame) -> pd.Series:
    """The first sensor, its gaps taken from those of the same place and height (_1_2_1, _1_2_2, …)."""
    same = [column for column in sensors if _place(column) == _place(sensors.columns[0])]
    return sensors[same].bfill(axis=1).iloc[:, 0]


def _place(column: str) -> str:
    """Name without the number of the replicate: TA_1_2 for TA_1_2_1, TA for TA."""
    return re.sub(r"(_\d+_\d+)_\d+$", r"\1", column)


def _sensors(columns: pd.DataFrame, fluxnet: str) -> pd.DataFrame:
    """Columns of one variable: plain, of the site team (_PI), with positions (_1_1_1), in natural order."""
    form = re.compile(rf"{fluxnet}(_PI)?((?:_\d+){{3}})?")
    found = {column: match for column in columns if (match := form.fullmatch(column))}

    def order(column: str) -> tuple:
        team, position = found[column].groups()
        return (team is not None, [int(part) for part in (position or "").split("_") if part])

    return columns[sorted(found, key=order)].astype(float)
