"""Years in which the rain gauge failed."""

import argparse
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers.checks import MOST_RAIN, YEAR
from lad.towers.record import Record
from lad.towers.variables import DERIVED

L_VAPORISATION = 2.5e6  # J kg-1
WHOLE = 0.9  # share of a year that the record must have for its sum to be one of the year
DRAWN = 150.0  # mm that the soil may give in a year beyond what falls; more evaporation than that is told


def annual_sum(text: str) -> tuple[int, float]:
    """`2002=523`, a year and its precipitation in mm, from a command line."""
    year, _, amount = text.partition("=")
    try:
        return int(year), float(amount)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected YEAR=MM") from None


def with_annual_sums(record: Record, sums: Mapping[int, float]) -> Record:
    """The record with precipitation scaled to `sums` (mm by calendar year), flag `DERIVED` in these years.

    The gauge tells when it fell, the sum how much. Raises InputError for a year that the record has not as a whole
    or without any precipitation, and for a sum that cannot be.
    """
    values, flags = record.values.copy(), record.flags.copy()
    for year, amount in sums.items():
        own = values.index.year == year
        share, gauged = own.sum() * record.step / YEAR, values.loc[own, "Precip"].sum() * record.step
        told = f"{record.site.site_id}: precipitation {year}={amount:g}"
        if not 0.0 < amount < MOST_RAIN:
            raise InputError(f"{told}, expected a sum between 0 and {MOST_RAIN:g} mm")
        if share < WHOLE:
            raise InputError(
                f"{told}: the record has {share:.0%} of that year, expected {WHOLE:.0%} at least"
            )
        if gauged <= 0.0:
            raise InputError(f"{told}: the gauge has no precipitation in that year to be scaled")
        values.loc[own, "Precip"] *= amount * min(share, 1.0) / gauged
        flags.loc[own, "Precip"] = DERIVED
    return replace(record, values=values, flags=flags)


def dry_years(record: Record) -> list[str]:
    """A line for each whole year that evaporated far more than it was given: the gauge may have failed."""
    by_year = record.values[["Precip", "Qle"]].groupby(record.values.index.year)
    means, shares = by_year.mean() * YEAR, by_year.size() * record.step / YEAR
    balance = pd.DataFrame({"fallen": means["Precip"], "evaporated": means["Qle"] / L_VAPORISATION})
    short = (balance["evaporated"] - balance["fallen"] > DRAWN) & (shares >= WHOLE)
    return [
        f"{year}: {row.fallen:.0f} mm fell and {row.evaporated:.0f} mm evaporated; see `precipitation` of the site"
        for year, row in balance[np.asarray(short)].iterrows()
    ]
