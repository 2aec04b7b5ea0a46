"""Tables of a whole study: beside the published numbers, seed by seed, and what the states bring."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from lad.evaluation.differences import LEVEL
from lad.evaluation.models import BASELINES, label, ordered
from lad.evaluation.scores import single_seeds, whole
from lad.evaluation.table import grid

PUBLISHED = Path(__file__).with_name("published.csv")
# Sensible heat, of a site that is not stated: NSE and bias in % with and without states.
PUBLISHED_H = (
    "Published for H, site not stated: with states NSE 0.841, bias -3.45 %; without 0.856, +24.81 %."
)
NOTHING_PUBLISHED = "No site of this study has published numbers."
COMPARED = ("rmse", "nse", "kge")
REFERENCES = ("bulk", *BASELINES)
CLAIMED = ("nse", "kge", "abs_bias")
KEYS = ["site", "target", "model", "reference", "metric"]
STATES = [
    *("site", "target", "model", "without", "metric"),
    *("by_test", "by_test_low", "by_test_high", "by_seed", "by_seed_low", "by_seed_high"),
]
ENDS = ("difference", "low", "high")


def published(scores: pd.DataFrame) -> pd.DataFrame:
    """Published and reproduced scores of LE side by side, as text, for the sites and models of both."""
    ours = whole(scores).set_index(["site", "target", "model"])
    lines = []
    for row in pd.read_csv(PUBLISHED).itertuples():
        key = (row.site, row.target, row.model)
        if key not in ours.index:
            continue
        cells = [row.site, label(row.model)]
        for name in COMPARED:
            form = "{:.2f}" if name == "rmse" else "{:.3f}"
            cells += [form.format(getattr(row, name)), form.format(ours.loc[key, name])]
        lines.append(cells)
    scored = (f"{name.upper()} {whose}" for name in COMPARED for whose in ("publ.", "here"))
    return pd.DataFrame(lines, columns=["site", "model", *scored])


def published_table(scores: pd.DataFrame) -> str:
    """`published` for readers, with what was published of H."""
    table = published(scores)
    text = grid([list(table), *table.to_numpy().tolist()]) if len(table) else NOTHING_PUBLISHED
    return f"# Published and reproduced: LE on the test periods\n\n{text}\n\n{PUBLISHED_H}\n"


def seeds_table(scores: pd.DataFrame) -> str:
    """Every seed of every trained model, and their ensemble."""
    blocks = ["# Scores by seed\n"]
    for (site, target), rows in scores[scores.seed != ""].groupby(["site", "target"], sort=False):
        lines = [["model", "seed", "RMSE", "bias %", "NSE", "KGE"]]
        lines += [
            [label(r.model), r.seed, f"{r.rmse:.2f}", f"{r.bias_pct:+.1f}", f"{r.nse:.3f}", f"{r.kge:.3f}"]
            for model in ordered(list(rows.model))
            for r in rows[rows.model == model].itertuples()
        ]
        blocks.append(f"## {site}, {target}\n\n{grid(lines)}\n")
    return "\n".join(blocks)


def gain(ends: pd.DataFrame, key: Sequence[str], metric: str) -> tuple[float, float, float] | None:
    """Score of a model less that of another with its interval, whichever of the two the table calls reference.

    `ends`: the table of differences by site, target, model, reference and metric; `key`: the first four. None where
    the two were not compared.
    """
    site, target, model, reference = key
    for pair, sign in (((model, reference), 1.0), ((reference, model), -1.0)):
        if (site, target, *pair, metric) in ends.index:
            difference, *interval = sign * ends.loc[(site, target, *pair, metric), list(ENDS)].astype(float)
            return difference, *sorted(interval)
    return None


def references(differences: pd.DataFrame) -> list[str]:
    """Calibrated LaD and those baselines that a study has, `differences` being its table."""
    compared = {*differences.model, *differences.reference}
    return [name for name in REFERENCES if name in compared]


def signed(difference: float, low: float, high: float) -> str:
    """A difference with its interval, if it has one."""
    if np.isnan(low):
        return f"{difference:+.2f}"
    return f"{difference:+.2f} ({low:+.2f} … {high:+.2f})"


def sure(low: float, high: float) -> bool:
    """Whether an interval does not hold zero."""
    return low > 0 or high < 0


def gains_text(differences: pd.DataFrame) -> str:
    """RMSE of every model of the study less that of calibrated LaD and of the baselines, with intervals."""
    against = references(differences)
    lines = [["site", "", "model", *(f"less {label(name)}" for name in against)]]
    ends = differences.set_index(KEYS)
    chosen = differences[~differences.model.isin(BASELINES)]
    for (site, target, model), _ in chosen.groupby(["site", "target", "model"], sort=False):
        cells = []
        for name in against:
            found = gain(ends, (site, target, model, name), "rmse")
            cells.append(signed(*found) + "*" * sure(*found[1:]) if found else "")
        lines.append([site, target, label(model), *cells])
    legend = (
        "RMSE (W m-2) of the model, as ensemble, less that of a reference: negative is better. 95 % intervals over\n"
        "weeks of the test period; * where zero lies outside."
    )
    return f"# Gains over calibrated LaD and empirical baselines\n\n{legend}\n\n{grid(lines)}\n"


def states_table(scores: pd.DataFrame, differences: pd.DataFrame, pairs: Mapping[str, str]) -> pd.DataFrame:
    """What seeing the states changes: score of a model less that of the same one that does not see (all of) them.

    `pairs`: model that sees less → model that sees all. `by_test` to `by_test_high` is the difference of the ensembles
    with its interval over weeks of the test period, `by_seed` to `by_seed_high` that of the means over seeds with
    Welch's interval over seeds. Scores are nse, kge and the size of the bias (W m-2).
    """
    ends = differences.set_index(KEYS)
    members = single_seeds(scores).assign(abs_bias=lambda table: table.bias.abs())
    rows = []
    for (site, target), group in members.groupby(["site", "target"], sort=False):
        for blind, seeing in pairs.items():
            if not {blind, seeing} <= set(group.model):
                continue
            for metric in CLAIMED:
                by_test = gain(ends, (site, target, seeing, blind), metric)
                one, two = (group.loc[group.model == name, metric].to_numpy() for name in (seeing, blind))
                by_seed = (np.nan, np.nan)
                if min(len(one), len(two)) > 1:
                    by_seed = ttest_ind(one, two, equal_var=False).confidence_interval(LEVEL)
                values = [*by_test, one.mean() - two.mean(), *by_seed]
                rows.append([site, target, seeing, blind, metric, *values])
    return pd.DataFrame(rows, columns=STATES)


def states_text(table: pd.DataFrame) -> str:
    """`states_table` for readers, with what was published."""
    lines = [["site", "", "model", "less", "score", "difference", "over weeks", "over seeds"]]
    for r in table.itertuples():
        weeks, seeds = (
            f"{r.by_test_low:+.3f} … {r.by_test_high:+.3f}",
            f"{r.by_seed_low:+.3f} … {r.by_seed_high:+.3f}",
        )
        head = [r.site, r.target, label(r.model), label(r.without), r.metric]
        lines.append([*head, f"{r.by_test:+.3f}", weeks, seeds])
    legend = (
        "Score of the ensemble that sees the states less that of the one that does not (abs_bias in W m-2: less is\n"
        "better); 95 % intervals over weeks of the test period, of the ensembles, and over seeds, of their means."
    )
    return f"# What the states bring\n\n{legend}\n\n{grid(lines)}\n\n{PUBLISHED_H}\n"
