"""The record of one tower: its archives joined on a regular time axis."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers.archives import expected, is_metadata, product_in_words
from lad.towers.checks import check_labels, check_rain, check_units, without_impossible
from lad.towers.faults import without_faults, without_spikes, without_wrong_sun
from lad.towers.flags import DERIVED, MEASURED, MISSING
from lad.towers.metadata import sensor_heights
from lad.towers.meteorology import saturation
from lad.towers.readers import Table, read_archive
from lad.towers.sites import Site
from lad.towers.variables import FORCING, REQUIRED, variable

LONGEST_GAP = 30  # days; a longer one ends a segment
# Without these there are no balances of water and energy; other years cannot fill a month of them.
ESSENTIAL = ("Tair", "VPD", "SWdown", "Precip")
UNFILLED = (MEASURED, DERIVED, MISSING)  # flags

FLOAT32 = 1e-6  # relative rounding of a number that was stored in single precision
MOST_DIGITS = 6  # after the point
HUMIDITY = 0.006  # of saturation: half of one %, and rounding on the way
PER_KELVIN = 0.04  # of saturation: half of the 7 % by which it rises with each K, and a little more


@dataclass(frozen=True)
class Record:
    """Rows of equal `segment` follow each other at every `step`; frames as in `readers.Table`."""

    site: Site
    sources: dict[str, str]  # archive name: SHA-256
    step: int  # s
    values: pd.DataFrame
    flags: pd.DataFrame
    segment: np.ndarray  # (n,) int32: 0, 1, …
    spikes: dict[str, int]  # implausible values that were set missing
    remarks: tuple[str, ...] = ()  # as in `readers.Table`, of all archives
    origins: dict[str, str] = field(default_factory=dict)  # variable: columns that it was read from
    reanalysis: pd.DataFrame | None = None  # SI values on the same axis, of the archives' own reanalysis
    product: str = ""  # of the archives, in words

    @property
    def time(self) -> np.ndarray:
        """Interval starts (n,), datetime64[s], local standard time."""
        return self.values.index.to_numpy()


def read_record(site: Site, paths: Sequence[str | Path]) -> Record:
    """Read, check and join the archives of a site; files of metadata among them are skipped.

    Raises InputError for what `readers.read_archive` and `checks` refuse, for contradicting archives, and if
    a required variable is missing.
    """
    tables, spikes, faults = [], {}, []
    heights = sensor_heights(site.site_id, paths)
    for path in sorted(map(Path, paths), key=lambda path: path.name):
        if is_metadata(path.name, site.site_id):
            continue
        table = read_archive(path, site.site_id, heights, site.measurement_height)
        table, odd = without_spikes(table)
        table, removed = without_impossible(table, site)
        table, wrong = without_wrong_sun(table, site)
        faults += [*odd, *wrong, *check_labels(table, site)]
        check_rain(table)
        tables.append(table)
        spikes = {name: spikes.get(name, 0) + removed.get(name, 0) for name in {*spikes, *removed}}
    if not tables:
        raise InputError(f"{site.site_id}: no archive given, only metadata; {expected(site.site_id)}")
    joined = _join(tables)
    for name in REQUIRED:
        if name not in joined.values:
            source = variable(name).fluxnet + (" (nor RH)" if name == "VPD" else "")
            raise InputError(f"{joined.name}: no column {source} with any value, it is required")
    joined, mended = without_faults(joined, site)
    joined, unused = check_units(joined, site)
    values, flags, segment, cut = _segments(joined)
    sources = {table.name: table.sha256 for table in tables}
    remarks = (*(remark for table in tables for remark in table.remarks), *faults, *mended, *unused, *cut)
    origins = {
        name: "; ".join(f"{table.origins[name]} of {table.name}" for table in tables if name in table.origins)
        for name in values
    }
    reanalysis = None if joined.reanalysis is None else joined.reanalysis.reindex(values.index)
    product = product_in_words(sources)
    if flags[[name for name in (*FORCING, "Qle", "Qh") if name in flags]].isin(UNFILLED).all(axis=None):
        product += ": measured, unfilled"
    return Record(
        site, sources, joined.step, values, flags, segment, spikes, remarks, origins, reanalysis, product
    )


def _join(tables: list[Table]) -> Table:
    """Union of the rows; intervals that several archives have must agree."""
    joined = tables[0]
    for table in tables[1:]:
        if table.step != joined.step:
            raise InputError(
                f"{table.name}: intervals of {table.step} s, but {joined.name} has {joined.step} s"
            )
        common = joined.values.index.intersection(table.values.index)
        for name in joined.values.columns.intersection(table.values.columns):
            one, other = joined.values.loc[common, name], table.values.loc[common, name]
            differ = one.notna() & other.notna() & (one != other)
            if differ.any():
                differ &= (one - other).abs() > _print_precision(name, (joined, table), common)
            if differ.any():
                at = common[int(np.argmax(differ))]
                a, b = _distinct(one[at], other[at])
                raise InputError(
                    f"{table.name}: {name} = {b} at {at:%Y-%m-%d %H:%M}, but {joined.name} has {a} "
                    f"({differ.sum()} such values); expected archives that agree, leave one out"
                )
        values = joined.values.combine_first(table.values)
        kept = joined.flags.reindex(index=values.index, columns=values.columns, fill_value=MISSING)
        added = table.flags.reindex(index=values.index, columns=values.columns, fill_value=MISSING)
        flags = kept.where(kept != MISSING, added)
        reanalyses = [part.reanalysis for part in (joined, table) if part.reanalysis is not None]
        joined = replace(
            joined,
            name=f"{joined.name}, {table.name}",
            values=values,
            flags=flags,
            origins={**table.origins, **joined.origins},
            reanalysis=functools.reduce(pd.DataFrame.combine_first, reanalyses) if reanalyses else None,
        )
    return joined


def _print_precision(name: str, tables: tuple[Table, Table], common: pd.DatetimeIndex) -> pd.Series:
    """How far values of a variable may differ by rounding alone, SI: half a unit of the last digit that both print.

    Single precision, in which some archives are stored, counts too. A deficit computed from relative humidity has the
    precision of that (%) and of air temperature.
    """
    columns = [table.values.loc[common, name] for table in tables]
    tolerance = np.maximum(columns[0].abs(), columns[1].abs()) * FLOAT32
    tolerance += 0.5 * max(_last_digit(name, column, tables[0].step) for column in columns)
    warm = [table for table in tables if "Tair" in table.values]
    if name == "VPD" and warm and any("RH" in table.origins.get(name, "") for table in tables):
        digit = max(_last_digit("Tair", table.values["Tair"], table.step) for table in warm)
        tolerance += saturation(warm[0].values.loc[common, "Tair"]) * (HUMIDITY + PER_KELVIN * digit)
    return tolerance


def _last_digit(name: str, column: pd.Series, step: int) -> float:
    """Unit of the last digit of a column, SI: of the numbers in our units or in those of the networks."""
    numbers, described = column[column != 0.0].dropna().to_numpy(), variable(name)
    if not numbers.size:  # zero has any number of digits
        return 0.0
    theirs = described.scale / (step if described.per_step else 1.0)
    units = {0.0}
    for values, scale in ((numbers, 1.0), ((numbers - described.offset) / theirs, theirs)):
        for digits in range(MOST_DIGITS):
            if np.allclose(values, np.round(values, digits), rtol=1e-9, atol=1e-9):
                units.add(10.0**-digits * scale)
                break
    return max(units)


def _distinct(one: float, other: float) -> tuple[str, str]:
    """Both numbers with the fewest digits, at least six, that show their difference."""
    for digits in range(6, 18):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def run_lengths(true: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Length of the run of true values around each row (n,), 0 where false; runs end with their segment."""
    breaks = (np.diff(true.astype(np.int8), prepend=true[:1]) != 0) | (
        np.diff(segment, prepend=segment[:1]) != 0
    )
    run = np.cumsum(breaks)
    return np.where(true, np.bincount(run)[run], 0)


def _segments(table: Table) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, list[str]]:
    """Values and flags on a regular axis without the long gaps, the segment of each row, and lines on what was cut."""
    step = pd.Timedelta(seconds=table.step)
    axis = pd.date_range(table.values.index[0], table.values.index[-1], freq=step, unit="s")
    values = table.values.reindex(axis)
    flags = table.flags.reindex(axis, fill_value=MISSING)
    known = values[list(ESSENTIAL)].notna().to_numpy()
    inside = np.flatnonzero(known.any(axis=1))
    keep = np.zeros(len(axis), dtype=bool)
    keep[inside[0] : inside[-1] + 1] = True
    cut = []
    for name, column in zip(ESSENTIAL, known.T, strict=True):
        long = run_lengths(~column, np.zeros(len(axis), dtype=int)) * step > pd.Timedelta(days=LONGEST_GAP)
        others = long & known[:, [other != name for other in ESSENTIAL]].all(axis=1)
        if others.any():
            cut.append(
                f"{others.sum()} intervals are left out, since {variable(name).fluxnet} alone is missing for more than "
                f"{LONGEST_GAP} days"
            )
        keep &= ~long
    if not keep.any():
        raise InputError(f"{table.name}: no time at which {', '.join(ESSENTIAL)} are all measured")
    segment = np.cumsum(np.diff(np.flatnonzero(keep), prepend=np.flatnonzero(keep)[0]) > 1).astype(np.int32)
    return values[keep], flags[keep], segment, cut
