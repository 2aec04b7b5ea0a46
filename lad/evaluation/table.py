"""The scores of all sites as a table for readers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lad.errors import InputError
from lad.evaluation.few import too_many
from lad.evaluation.metrics import METRICS
from lad.evaluation.models import label, ordered
from lad.evaluation.scores import COLUMNS, ENSEMBLE, whole
from lad.io import read_table
from lad.towers.archives import REPACKAGED
from lad.towers.coverage import KINDS

SHOWN = {
    "rmse": ("RMSE", "{:.2f}"),
    "bias": ("bias", "{:+.2f}"),
    "bias_pct": ("bias %", "{:+.1f}"),
    "nse": ("NSE", "{:.3f}"),
    "kge": ("KGE", "{:.3f}"),
    "r": ("r", "{:.3f}"),
    "n": ("n", "{:d}"),
}
"""Column of the scores → heading and format."""

LEGEND = """\
RMSE and bias (simulated minus observed) in W m-2, bias % of the observed mean. All models of a block are
scored on the same n half-hours. A model trained with several seeds is scored by the mean of its simulated
fluxes; the row below it gives the range of the scores over the single seeds. 1lin is a line in shortwave
radiation; trained models have their names in the settings.
"""

OVER_SITES = """\
Of many sites: medians over the sites of each score, and at how many of them the model has the lowest RMSE of all. RMSE
and bias (simulated minus observed) in W m-2, bias % of the observed mean; a model trained with several seeds is scored
by the mean of its simulated fluxes. The scores of each site are in scores.csv, and in the table of its own folder.
"""

UNDEFINED = dict.fromkeys(METRICS, "")
"""Scores may be absent, as those of a constant simulation are."""


def read_scores(paths: Sequence[str | Path]) -> pd.DataFrame:
    """The score files of several sites, concatenated in the given order.

    Raises InputError if a file is not a table of `COLUMNS` or a score appears twice.
    """
    tables = []
    for path in paths:
        table = read_table(path, COLUMNS, dtype={"seed": str}, keep_default_na=False, na_values=UNDEFINED)
        tables.append(table)
    scores = pd.concat(tables, ignore_index=True)
    keys = ["site", "target", "model", "seed"]
    double = scores[scores.duplicated(keys)]
    if len(double):
        raise InputError(f"score of {', '.join(double.iloc[0][keys])} is given twice")
    return scores


def _cells(row: pd.Series) -> list[str]:
    return [SHOWN[name][1].format(value) if pd.notna(value) else "-" for name, value in row.items()]


def _model_rows(rows: pd.DataFrame, model: str) -> list[list[str]]:
    """The model's scores, and for several seeds a second row with the range of each score."""
    seeds = rows[rows.seed != ENSEMBLE]
    together = rows[rows.seed == ENSEMBLE] if ENSEMBLE in set(rows.seed) else rows
    lines = [[label(model), *_cells(together.iloc[0][list(SHOWN)])]]
    if len(seeds) > 1:
        low, high = _cells(seeds.min()[list(SHOWN)]), _cells(seeds.max()[list(SHOWN)])
        spread = [f"{a} … {b}" for a, b in zip(low[:-1], high[:-1], strict=True)]
        lines.append([f"- {len(seeds)} seeds", *spread, ""])
    return lines


def grid(lines: list[list[str]]) -> str:
    """Markdown table, padded to be read as plain text too; numbers flush right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [padded[0], rule, *padded[1:]])


def _block(rows: pd.DataFrame) -> str:
    """One site and target."""
    first = rows.iloc[0]
    periods = ", ".join(period.replace(":", " to ") for period in first.period.split())
    title = f"## {first.site}, {first.target}, test {periods}"
    lines = [["model", *(heading for heading, _ in SHOWN.values())]]
    for model in ordered(list(rows.model)):
        lines += _model_rows(rows[rows.model == model], model)
    note = f"{first.n_not_known} of {first.n} half-hours may be filled: they carry no quality flag."
    return f"{title}\n\n{grid(lines)}\n\n{note}\n"


def over_sites(scores: pd.DataFrame, target: str) -> list[list[str]]:
    """Heading and, of each model: its sites, those where its RMSE is the lowest, medians over them of each score."""
    rows = whole(scores[scores.target == target])
    best = rows.loc[rows.groupby("site").rmse.idxmin()].model.value_counts()
    names = [name for name in SHOWN if name != "n"]
    lines = [["model", "sites", "best", *(SHOWN[name][0] for name in names)]]
    for model in ordered(list(rows.model)):
        own = rows[rows.model == model]
        medians = _cells(own[names].median())
        lines.append([label(model), str(own.site.nunique()), str(best.get(model, 0)), *medians])
    return lines


def _records(records: Mapping[str, Mapping[str, Any]], many: bool) -> list[str]:
    """What the records are (`lad.towers.coverage.describe`), of many sites only those that are no releases."""
    if many:
        records = {site: record for site, record in records.items() if REPACKAGED in record["product"]}
    products = [f"- {site}: {record['product']}" for site, record in records.items()]
    if not products:
        return []
    text = "\n".join(["## Records\n", *products]) + "\n"
    names = list(dict.fromkeys(name for record in records.values() for name in record["shares"]))
    if many or not names:
        return [text]
    lines = [["site", *names]]
    for site, record in records.items():
        cells = (record["shares"].get(name, {}).values() for name in names)
        lines.append([site, *("/".join(f"{share:.0f}" for share in cell) for cell in cells)])
    return [text, f"% of the test periods {', '.join(KINDS)}:\n\n{grid(lines)}\n"]


def markdown(scores: pd.DataFrame, records: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """The table as Markdown: one block per site and target, or per target of many sites; models in a fixed order.

    `records` by site, as `lad.towers.coverage.describe` gives them for the test periods, are described at the end.
    """
    if too_many(scores.site):
        blocks = [f"## {target}\n\n{grid(over_sites(scores, target))}\n" for target in scores.target.unique()]
        return "\n".join(
            [
                f"# Scores on the test periods of {scores.site.nunique()} sites\n",
                OVER_SITES,
                *blocks,
                *_records(records or {}, many=True),
            ]
        )
    blocks = [_block(rows) for _, rows in scores.groupby(["site", "target"], sort=False)]
    return "\n".join(
        ["# Scores on the test periods\n", LEGEND, *blocks, *_records(records or {}, many=False)]
    )
