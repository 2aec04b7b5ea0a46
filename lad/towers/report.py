"""How the record of a tower came about, variable by variable and year by year."""

import numpy as np
import pandas as pd

from lad.towers.record import Record, run_lengths
from lad.towers.variables import FLAGS, FLUXES, FORCING, MISSING

KINDS = {code: name for code, name in FLAGS.items() if code not in (MISSING, 101)} | {MISSING: FLAGS[MISSING]}


def gap_report(record: Record, filled: Record) -> pd.DataFrame:
    """Shares (%) of the kinds of value and longest gap before filling (days), by variable and year."""
    year = filled.values.index.year
    parts = []
    for name in [name for name in FORCING | FLUXES if name in filled.values]:
        flags = filled.flags[name]
        table = pd.DataFrame(
            {kind: 100.0 * (flags == code).groupby(year).mean() for code, kind in KINDS.items()}
        )
        gap = (
            record.values[name].isna().to_numpy()
            if name in record.values
            else np.ones(len(flags), dtype=bool)
        )
        days = pd.Series(run_lengths(gap, record.segment) * record.step / 86400.0, index=flags.index)
        table["longest_gap_days"] = days.groupby(year).max()
        table.insert(0, "rows", flags.groupby(year).size())
        parts.append(table.rename_axis("year").reset_index().assign(variable=name))
    report = pd.concat(parts, ignore_index=True)
    return report[["variable", *report.columns.drop("variable")]].round(3)
