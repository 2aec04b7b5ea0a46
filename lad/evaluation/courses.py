"""Courses of the trainings: their lowest validation losses, by which models may be chosen."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lad.errors import InputError
from lad.evaluation.few import too_many
from lad.evaluation.table import grid
from lad.io import read_table

COLUMNS = ["step", "member", "train_loss", "validation_loss"]
Histories = Mapping[tuple[str, str], pd.DataFrame]
"""(site, model) → a table of `COLUMNS`."""


def parse_histories(texts: Sequence[str]) -> dict[tuple[str, str], str]:
    """`["US-Wkg/mlp=history.csv", …]` as (site, model) → file."""
    paths = {}
    for text in texts:
        name, _, path = text.partition("=")
        site, _, model = name.partition("/")
        if not (site and model and path):
            raise InputError(f"history {text!r}: expected SITE/MODEL=FILE")
        paths[site, model] = path
    return paths


def read_histories(paths: Mapping[tuple[str, str], str]) -> Histories:
    """The files of `parse_histories`."""
    return {key: read_table(path, COLUMNS) for key, path in paths.items()}


def lowest_losses(histories: Histories) -> pd.DataFrame:
    """Mean over seeds, and range, of the lowest validation loss of each training: site, model, mean, low, high."""
    rows = []
    for (site, model), history in histories.items():
        lowest = history.groupby("member").validation_loss.min()
        rows.append([site, model, lowest.mean(), lowest.min(), lowest.max()])
    return pd.DataFrame(rows, columns=["site", "model", "mean", "low", "high"])


def mean_over_sites(lowest: pd.DataFrame) -> pd.Series:
    """Mean over sites of the means of `lowest_losses`, by model in the order of the table."""
    return lowest.groupby("model", sort=False)["mean"].mean()


def validation_text(histories: Histories) -> str:
    """`lowest_losses` for readers, a column for each site; of many sites a line."""
    lowest = lowest_losses(histories)
    cells = lowest.set_index(["model", "site"]).apply(
        lambda row: f"{row['mean']:.4f} ({row.low:.4f} … {row.high:.4f})", axis=1
    )
    sites = list(dict.fromkeys(lowest.site))
    lines = [["model", *sites, "mean"]]
    for model, mean in mean_over_sites(lowest).items():
        lines.append([model, *(cells[model, site] for site in sites), f"{mean:.4f}"])
    if too_many(sites):
        lines = [list(line) for line in zip(*lines, strict=True)]
    legend = "Lowest loss of a free run on the validation periods: mean over seeds (lowest … highest seed)."
    return f"# Validation\n\n{legend}\n\n{grid(lines)}\n"
