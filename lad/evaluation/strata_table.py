"""The scores by stratum as a table for readers."""

import pandas as pd

from lad.evaluation.models import label
from lad.evaluation.table import grid

SHOWN = {"rmse": ("RMSE (W m-2)", "{:.1f}"), "bias": ("bias (W m-2)", "{:+.1f}"), "nse": ("NSE", "{:.2f}")}
"""Column of the scores → heading and format."""

LEGEND = """\
Models are scored by the mean over their seeds, on the same n values. Day: more than 10 W m-2 of shortwave radiation.
Wet: more than 1 mm of rain in the last 24 h. Snow: more than 1 mm in the calibrated LaD. Daily and monthly means are
over the usable half-hours of days and months that have at least half of them. Closed: the tower's fluxes corrected for
the energy balance. All strata, with the hours of the day, are in strata.csv.
"""


def _shown(scores: pd.DataFrame) -> pd.DataFrame:
    """Strata of the raw half-hours without the hours of the day; of the rest what has no stratum."""
    strata = (scores.correction == "raw") & (scores.scale == "half-hour") & (scores.stratum != "hour")
    return scores[strata | (scores.stratum == "all")]


def _name(row: pd.Series) -> str:
    """`season: Jun to Aug` of raw half-hours, `closed, day` of the rest."""
    if row.stratum != "all":
        return f"{row.stratum}: {row.value}"
    return f"{row.correction}, {row.scale}"


def markdown(site: str, scores: pd.DataFrame) -> str:
    """A table of `lad.evaluation.strata_scores` as Markdown: a block per target and score, models side by side."""
    blocks = [f"# {site}: scores by stratum\n", LEGEND]
    shown = _shown(scores).assign(name=lambda table: table.apply(_name, axis=1))
    models = list(dict.fromkeys(shown.model))
    for target, rows in shown.groupby("target", sort=False):
        for metric, (heading, form) in SHOWN.items():
            lines = [["", "n", *map(label, models)]]
            for name, row in rows.groupby("name", sort=False):
                values = row.set_index("model")[metric].loc[models]
                cells = [form.format(value) if pd.notna(value) else "-" for value in values]
                lines.append([name, str(row.n.iloc[0]), *cells])
            blocks.append(f"## {target}: {heading}\n\n{grid(lines)}\n")
    return "\n".join(blocks)
