"""Readers of tower archives: each kind of archive gives the same table in SI units with flags."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.io import sha256
from lad.towers.alma import read_alma
from lad.towers.csv_table import read_csv
from lad.towers.flags import FLAGS, MISSING, NOT_KNOWN, worst
from lad.towers.meteorology import deficit
from lad.towers.sensors import read_sensors, stated_flag
from lad.towers.unzip import Content, check_site, read_content
from lad.towers.variables import FLUXES, FORCING, PROFILES, USTAR, VARIABLES, to_si
from lad.towers.vocabulary import synthetic

# Columns that only the FLUXNET products have; BASE has some that end in _F too.
PRODUCT = {f"{v.fluxnet}_F" for v in FORCING.values()} | {f"{v.fluxnet}_F_MDS" for v in FLUXES.values()}
READ = {v.fluxnet for v in VARIABLES.values()} | {"RH"}
DRY = 300.0  # Pa, deficit above which errors of the sensors do not hide a wrong unit
CONTRADICTION = 1.5


@dataclass(frozen=True)
class Table:
    """Contents of one archive. Both frames have the interval start (local standard time) as index and the
    same columns: SI values (NaN where missing) and int8 flags (9 where missing)."""

    name: str
    sha256: str
    step: int  # s
    values: pd.DataFrame
    flags: pd.DataFrame
    origins: Mapping[str, str] = field(default_factory=dict)  # variable: columns that it was read from
    reanalysis: pd.DataFrame | None = None  # SI values of the archive's own reanalysis file
    remarks: tuple[str, ...] = ()  # what the reader had to decide, a line each

    def without(self, rows: np.ndarray | pd.Index, names: Sequence[str]) -> Self:
        """The same table with the values of some variables missing in `rows` (bool (n,), or their times)."""
        values, flags = self.values.copy(), self.flags.copy()
        values.loc[rows, names], flags.loc[rows, names] = np.nan, MISSING
        return replace(self, values=values, flags=flags)


def read_archive(
    path: str | Path, site_id: str, heights: Mapping[str, float] | None = None, reference: float | None = None
) -> Table:
    """Read an archive of any known family, or the table unpacked from one.

    Of several sensors those near the `reference` height (m above ground) count, if their `heights` (by column) are
    known. Raises InputError for what `unzip.read_content`, `csv_table.read_csv` and `alma.read_alma` refuse. Variables
    without any value in the archive are not columns of the table.
    """
    path = Path(path)
    check_site(path, site_id)
    reanalysis = None
    if path.suffix == ".nc":
        index, step, values, flags, origins, remarks = read_alma(path, site_id)
    else:
        content = read_content(path, site_id)
        columns, index, step = read_csv(content.table, content.name)
        is_product = not PRODUCT.isdisjoint(columns)
        if is_product:
            values, flags, origins, remarks = _read_product(columns, step)
        else:
            columns.index = index
            values, flags, origins, remarks = read_sensors(columns, step, heights or {}, reference)
        remarks = [*remarks, *_other_flags(columns)]
        if content.reanalysis is not None:
            reanalysis = _read_reanalysis(content)
    if {"Tair", "_RH"} <= values.keys():
        given = values.get("VPD", np.full(len(index), np.nan))
        stated = flags.get("VPD", np.full(len(index), MISSING))
        derived = deficit(values["Tair"], values["_RH"])
        _check_humidity(given, derived, path.name)
        values["VPD"] = np.where(np.isnan(given), derived, given)
        flags["VPD"] = np.where(np.isnan(given), worst(flags["Tair"], flags["_RH"]), stated)
        origins["VPD"] = ", ".join(filter(None, (origins.get("VPD"), origins["_RH"])))
    for table in (values, flags, origins):
        table.pop("_RH", None)
    flags, formulas = synthetic(values, flags, step)
    remarks = [*remarks, *formulas]
    values = pd.DataFrame(values, index=index)
    flags = pd.DataFrame(flags, index=index).astype(np.int8).mask(values.isna(), MISSING)
    remarks = tuple(f"{path.name}: {remark}" for remark in remarks)
    return Table(path.name, sha256(path), step, values, flags, origins, reanalysis, remarks)


def _check_humidity(given: np.ndarray, derived: np.ndarray, name: str) -> None:
    """Raise InputError if VPD contradicts air temperature and relative humidity."""
    comparable = (derived > DRY) & ~np.isnan(given)
    if comparable.any():
        ratio = np.median(given[comparable] / derived[comparable])
        if not 1.0 / CONTRADICTION < ratio < CONTRADICTION:
            raise InputError(
                f"{name}: VPD is {ratio:.3g} times the deficit of TA and RH, expected hPa, degC and % that agree"
            )


def _read_reanalysis(content: Content) -> pd.DataFrame:
    """The forcing of the archive's reanalysis file, SI."""
    columns, index, step = read_csv(content.reanalysis, f"{content.name}, reanalysis")
    names = {name: f"{v.fluxnet}_ERA" for name, v in FORCING.items()}
    values = {
        name: to_si(name, columns[column].to_numpy(float), step)
        for name, column in names.items()
        if column in columns
    }
    return pd.DataFrame(values, index=index)


Columns = tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, str], list[str]]


def _read_product(columns: pd.DataFrame, step: int) -> Columns:
    """FLUXNET products: gap-filled columns with their flags first, then columns without a fill.

    The whole `_F` column is missing where the product had no reanalysis to merge; the sensor's column may
    still be there.
    """
    endings = ("_F", "_F_MDS", "", "_ERA")
    candidates = {name: tuple(v.fluxnet + end for end in endings) for name, v in FORCING.items()}
    candidates["LWdown"] = ("LW_IN_F", "LW_IN_F_MDS", "LW_IN", "LW_IN_JSB_F", "LW_IN_ERA")
    candidates |= {name: (f"{v.fluxnet}_F_MDS", v.fluxnet) for name, v in FLUXES.items()}
    candidates |= {name: (v.fluxnet,) for name, v in USTAR.items()} | {"_RH": ("RH",)}
    for name, v in PROFILES.items():
        for column in columns.filter(regex=rf"^{v.fluxnet}_F_MDS_\d+$").columns:
            candidates[f"{name}_{column.rsplit('_', 1)[1]}"] = (column,)
    values, flags, origins = {}, {}, {}
    for name, sources in candidates.items():
        value = np.full(len(columns), np.nan)
        flag = np.full(len(columns), MISSING)
        used = []
        for source in sources:
            if source not in columns:
                continue
            column, quality = columns[source].to_numpy(float), stated_flag(columns, source, NOT_KNOWN)
            take = np.isnan(value) & ~np.isnan(column) & (quality != MISSING)
            if take.any():
                value[take], flag[take] = column[take], quality[take]
                used.append(f"{source} (flag {source}_QC)" if f"{source}_QC" in columns else source)
        if used:
            values[name], flags[name], origins[name] = to_si(name, value, step), flag, ", ".join(used)
    return values, flags, origins, []


def _other_flags(columns: pd.DataFrame) -> list[str]:
    """A line for each column with values whose `_QC` is none of our flags: they are not used."""
    remarks = []
    for name in columns.filter(regex="_QC$"):
        source = name.removesuffix("_QC")
        if source in columns and re.split(r"_[FP\d]", source)[0] in READ:
            stated = columns[name][columns[source].notna() & columns[name].notna()]
            other = stated[~stated.isin(list(FLAGS))]
            if len(other):
                numbers = ", ".join(f"{number:g}" for number in np.unique(other))
                remarks.append(f"{source}: {len(other)} values are not used, {name} is {numbers}")
    return remarks
