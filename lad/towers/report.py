"""How the record of a tower came about, variable by variable and year by year."""

import numpy as np
import pandas as pd

from lad.towers.record import Record, run_lengths
from lad.towers.variables import FLAGS, FLUXES, FORCING, MISSING, OWN_VALUES

KINDS = {code: name for code, name in FLAGS.items() if code != MISSING} | {MISSING: FLAGS[MISSING]}
DAYLIGHT = 10.0  # W m-2


def gap_report(record: Record, filled: Record) -> pd.DataFrame:
    """Shares (%) of the kinds of value and longest stretch without a value of the tower's own (days).

    By variable and year; what a product filled is a gap too.
    """
    year = filled.values.index.year
    parts = []
    for name in [name for name in FORCING | FLUXES if name in filled.values]:
        flags = filled.flags[name]
        table = pd.DataFrame(
            {kind: 100.0 * (flags == code).groupby(year).mean() for code, kind in KINDS.items()}
        )
        given = record.flags[name] if name in record.flags else np.full(len(flags), MISSING)
        gap = ~np.isin(given, OWN_VALUES)
        days = pd.Series(run_lengths(gap, record.segment) * record.step / 86400.0, index=flags.index)
        table["longest_gap_days"] = days.groupby(year).max()
        table.insert(0, "rows", flags.groupby(year).size())
        parts.append(table.rename_axis("year").reset_index().assign(variable=name))
    report = pd.concat(parts, ignore_index=True)
    return report[["variable", *report.columns.drop("variable")]].round(3)


def coverage(record: Record) -> pd.DataFrame:
    """What the tower gave itself, % of the intervals of each year (columns), of LE and H of those in daylight."""
    light = record.values["SWdown"] > DAYLIGHT
    shares = {}
    for name in FORCING | FLUXES:
        own = (
            record.flags[name].isin(OWN_VALUES)
            if name in record.flags
            else pd.Series(False, record.values.index)
        )
        own = own[light] if name in ("Qle", "Qh") else own
        shares[name] = 100.0 * own.groupby(own.index.year).mean()
    return pd.DataFrame(shares).T


def daytime_fluxes(record: Record) -> np.ndarray:
    """1 where the tower gave both LE and H, 0 where not, NaN at night (n,); as `periods.usable_years` counts."""
    both = record.flags[["Qle", "Qh"]].isin(OWN_VALUES).all(axis=1)
    return np.where(record.values["SWdown"] > DAYLIGHT, both, np.nan)
