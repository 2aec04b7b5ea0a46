"""Two runs A and B at the same tower: their scores side by side, and on which one is surely better."""

from typing import NamedTuple

import pandas as pd

from lad.errors import InputError
from lad.evaluation.differences import FEWEST_WEEKS, draw, interval
from lad.evaluation.metrics import BETTER, NEITHER
from lad.evaluation.models import label
from lad.evaluation.scores import score_table, whole
from lad.evaluation.series import Simulated
from lad.evaluation.table import grid
from lad.observations import Observed


class Score(NamedTuple):
    """How a score is written."""

    heading: str
    form: str


SCORES = {
    "rmse": Score("RMSE", "{:.2f}"),
    "abs_bias": Score("size of bias", "{:.2f}"),
    "bias": Score("bias", "{:+.2f}"),
    "nse": Score("NSE", "{:.3f}"),
    "kge": Score("KGE", "{:.3f}"),
    "r": Score("r", "{:.3f}"),
}
"""Scores that are compared; the first three in W m-2."""

LEGEND = """\
RMSE and bias (simulated minus observed) in W m-2, as the tower gives the fluxes, of the mean flux over seeds; in
brackets the range over single seeds. Intervals are over weeks, the same ones drawn for both runs; what other seeds
would give is not in them. Surely better: in the whole interval. Each stands for itself: of twenty without any
difference one misses zero by chance.
"""

RUN = ("{}", "of_{}", "low_{}", "high_{}")
COLUMNS = ["site", "target", "period", "metric", *(name.format(run) for run in "ab" for name in RUN)]
COLUMNS += ["difference", "low", "high", "better", "n", "weeks"]


def surely_better(metric: str, low: float, high: float, a: str, b: str) -> str:
    """Name of the run that is better in the whole interval of the difference B less A; "" if neither is."""
    worst, best = sorted(BETTER[metric] * end for end in (low, high))
    return b if worst > 0 else a if best < 0 else ""


def compare(site: str, period: str, observed: Observed, simulated: dict[str, Simulated]) -> pd.DataFrame:
    """Scores of the two runs `simulated` (A, then B) and B less A: a row of `COLUMNS` for each target and score.

    `of_a` is the score of the mean flux, `low_a` to `high_a` the range over seeds, NaN without. `low` to `high` is the
    95 % interval of the difference over weeks drawn for both alike (`lad.evaluation.differences`), and `better` names
    the run that is better in all of it. `observed` and `simulated` hold the half-hours of `period`.

    Raises InputError where scores are not defined, or for fewer than `FEWEST_WEEKS`.
    """
    scores = score_table(site, period, observed, simulated)
    scores["abs_bias"] = scores.bias.abs()
    keys = ["target", "model"]
    means = whole(scores).set_index(keys)
    seeds = scores.drop(whole(scores).index).groupby(keys)[list(SCORES)]
    lowest, highest = seeds.min().reindex(means.index), seeds.max().reindex(means.index)
    rows = []
    for target, drawn in draw(observed, simulated).items():
        if drawn.weeks < FEWEST_WEEKS:
            raise InputError(
                f"{site}, {target}: {drawn.weeks} weeks with usable half-hours in {period}, "
                f"expected at least {FEWEST_WEEKS}"
            )
        n = observed.usable[target].sum()
        for metric in SCORES:
            cells = [
                cell
                for name in simulated
                for cell in (name, *(table.loc[(target, name), metric] for table in (means, lowest, highest)))
            ]
            one, two = (drawn.scores[name][metric] for name in simulated)
            change = interval(two - one, drawn.weeks)
            better = surely_better(metric, *change[1:], *simulated)
            rows.append([site, target, period, metric, *cells, *change, better, n, drawn.weeks])
    return pd.DataFrame(rows, columns=COLUMNS)


def _cell(metric: str, score: float, low: float, high: float) -> str:
    """A score, and in brackets its range over seeds; - where it is not defined."""
    form = SCORES[metric].form.format
    ends = f" ({form(low)} … {form(high)})" if pd.notna(low) else ""
    return form(score) + ends if pd.notna(score) else "-"


def _change(row: pd.Series) -> list[str]:
    """Difference and interval, with their signs."""
    form = SCORES[row.metric].form.replace(":.", ":+.").format
    if pd.isna(row.low):
        return ["-", "-"]
    return [form(row.difference), f"{form(row.low)} … {form(row.high)}"]


def verdict(rows: pd.DataFrame) -> str:
    """In words: on which scores of one target one of the runs is surely better."""
    judged = rows[[BETTER[metric] != NEITHER for metric in rows.metric]]
    if (judged.difference == 0).all():
        return "no difference"
    told = [
        f"{label(name)} is surely better by {', '.join(SCORES[metric].heading for metric in won)}"
        for name in (rows.b.iloc[0], rows.a.iloc[0])
        if len(won := judged.metric[judged.better == name])
    ]
    return "; ".join(told or ["neither is surely better"])


def markdown(table: pd.DataFrame, note: str) -> str:
    """The table of `compare` for readers, beneath it in words who is better; `note` tells the half-hours."""
    first = table.iloc[0]
    a, b = label(first.a), label(first.b)
    blocks = [f"# {b} less {a}, {first.site}\n\n{note}\n"]
    for target, rows in table.groupby("target", sort=False):
        lines = [["score", a, b, "difference", "95 % interval", "surely better"]]
        for _, row in rows.iterrows():
            one = _cell(row.metric, row.of_a, row.low_a, row.high_a)
            two = _cell(row.metric, row.of_b, row.low_b, row.high_b)
            lines.append(
                [SCORES[row.metric].heading, one, two, *_change(row), row.better and label(row.better)]
            )
        count = f"{rows.n.iloc[0]} half-hours in {rows.weeks.iloc[0]} weeks"
        blocks.append(f"## {target}, {count}\n\n{grid(lines)}\n\n{target}: {verdict(rows)}.\n")
    return "\n".join([*blocks, LEGEND])
