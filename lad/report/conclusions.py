"""What a study found, in words, all computed from its tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.evaluation.bootstrap import DIFFERENCE_KEYS, gain, verdict
from lad.evaluation.models import BASELINES, MOST_SITES, label
from lad.evaluation.scores import whole
from lad.evaluation.solvers import NEGLIGIBLE
from lad.evaluation.study import PUBLISHED, chosen, mean_over_sites, trained
from lad.tables import Cell, wrapped
from lad.tables.study import difference_cell

MOST_PLACES = 4 * MOST_SITES  # that are listed one by one
WORDS = {"better": "significantly better", "worse": "significantly worse", "open": "not significant"}
SOLVER_WORDS = {
    "learns to correct": "it learns to correct its solver",
    "does not": f"less than {100 * NEGLIGIBLE:.0f} %, it does not",
    "one-sided": "one-sided, an instability and no correction",
    "not significant": "not significant",
}


class Conclusion(NamedTuple):
    """A sentence, and the evidence for it by place."""

    text: str
    items: list[Cell]


def answer(scores: pd.DataFrame, differences: pd.DataFrame, validation: pd.DataFrame) -> list[str]:
    """The study in up to three sentences: the chosen model, then the published one, as far as present.

    Arguments as those of `conclusions`; a case is a flux at a site.
    """
    ends, best = differences.set_index(DIFFERENCE_KEYS), chosen(validation)
    sentences = []
    if against := _against_lad(ends, scores, best):
        sentences.append(
            f"Against calibrated LaD, the RMSE of “{label(best)}”, the model chosen by validation, is "
            f"{_count(against)}. A case is a flux at a site."
        )
    if against := _against_baselines(ends, scores, best):
        sentences.append(
            f"Against the model without physics that is best in the same test, the RMSE of “{label(best)}” is "
            f"{_count(against)}."
        )
    published = [
        f"{site} {target} {cell.number:+.2f} (published {there:+.2f})"
        for site, target, cell, there in _published_gains(ends)
    ]
    if published:
        sentences.append(
            f"RMSE of the published hybrid, “mlp”, less that of calibrated LaD: {', '.join(published)} W m⁻²."
        )
    return sentences


def _count(cells: Sequence[Cell]) -> str:
    """In how many cases the RMSE is smaller and larger, and its differences."""
    smaller, larger = (sum(cell.mark == mark for cell in cells) for mark in ("better", "worse"))
    ends = dict.fromkeys(f"{end(cell.number for cell in cells):+.2f}" for end in (min, max))
    return (
        f"significantly smaller in {smaller} of {len(cells)} cases and larger in {larger} (differences: "
        f"{' to '.join(ends)} W m⁻²)"
    )


def conclusions(
    scores: pd.DataFrame, differences: pd.DataFrame, states: pd.DataFrame, validation: pd.DataFrame
) -> list[Conclusion]:
    """The findings of a study, the unfavourable ones as well.

    `scores`, `differences` and `states` are the tables of `lad evaluate` and `lad overview`, `validation` that of
    `lowest_losses`.
    """
    ends, best = differences.set_index(DIFFERENCE_KEYS), chosen(validation)
    losses = mean_over_sites(validation).sort_values()
    others = ", ".join(f"{label(model)} {loss:.4f}" for model, loss in losses.iloc[1:].items())
    found = [
        Conclusion(
            f"By validation “{label(best)}” is the best of {len(losses)} trained models: mean loss over the sites "
            f"{losses.iloc[0]:.4f}{f' ({others})' if others else ''}. The test periods had no part in this.",
            [],
        ),
        Conclusion(
            f"“{label(best)}” against calibrated LaD, RMSE on the test periods (W m⁻²):",
            _against_lad(ends, scores, best),
        ),
    ]
    if against := _against_baselines(ends, scores, best):
        found.append(
            Conclusion(
                f"“{label(best)}” against the empirical baseline with the lowest RMSE on that very test period:",
                against,
            )
        )
    worse = [(*place, model, "bulk") for model in trained(scores) for place in _places(scores)]
    worse = [key for key in worse if (cell := difference_cell(ends, key, "rmse")) and cell.mark == "worse"]
    text = (
        "Trained models that are significantly worse than calibrated LaD:"
        if worse
        else ("No trained model is significantly worse than calibrated LaD in RMSE at any site.")
    )
    found.append(Conclusion(text, [_item(ends, key, model=True) for key in worse]))
    found += [*_published(ends), *_states(states)]
    return [_in_short(conclusion) for conclusion in found]


def as_text(sentences: Sequence[str], found: Sequence[Conclusion]) -> str:
    """An answer and conclusions as Markdown that can be read as plain text too."""
    parts = [[wrapped(c.text), *(f"- {cell.text}" for cell in c.items)] for c in found]
    texts = ["\n".join(map(wrapped, sentences)), *("\n".join(lines) for lines in parts)]
    return "\n\n".join(filter(None, texts)) + "\n"


def _in_short(conclusion: Conclusion) -> Conclusion:
    """Instead of more than `MOST_PLACES` places, the number of them with each verdict."""
    items = conclusion.items
    if len(items) <= MOST_PLACES:
        return conclusion
    counted = [
        Cell(f"{words}: {sum(cell.mark == mark for cell in items)} of {len(items)}", mark=mark)
        for mark, words in WORDS.items()
    ]
    return conclusion._replace(items=counted)


def _item(ends: pd.DataFrame, key: Sequence[str], named: bool = False, model: bool = False) -> Cell:
    """Where, how much and the verdict in words; `named` with the reference, `model` with the model."""
    site, target, name, reference = key
    where = (
        f"{f'{label(name)}, ' if model else ''}{site} {target}{f', less {label(reference)}' if named else ''}"
    )
    cell = difference_cell(ends, key, "rmse")
    return replace(cell, text=f"{where}: {cell.text}, {WORDS[cell.mark]}")


def _items(ends: pd.DataFrame, keys: Sequence[Sequence[str]], named: bool = False) -> list[Cell]:
    return [_item(ends, key, named) for key in keys if gain(ends, key, "rmse")]


def _places(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Sites and fluxes with scores."""
    return list(dict.fromkeys(zip(scores.site, scores.target, strict=True)))


def _against_lad(ends: pd.DataFrame, scores: pd.DataFrame, model: str) -> list[Cell]:
    return _items(ends, [(*place, model, "bulk") for place in _places(scores)])


def _against_baselines(ends: pd.DataFrame, scores: pd.DataFrame, model: str) -> list[Cell]:
    """A model against the baseline with the lowest RMSE in each case."""
    hardest = {place: _best_baseline(scores, *place) for place in _places(scores)}
    keys = [(*place, model, reference) for place, reference in hardest.items() if reference]
    return _items(ends, keys, named=True)


def _best_baseline(scores: pd.DataFrame, site: str, target: str) -> str | None:
    rows = whole(scores)
    rows = rows[(rows.site == site) & (rows.target == target) & rows.model.isin(BASELINES)]
    return None if rows.empty else rows.loc[rows.rmse.idxmin()].model


def _published_gains(ends: pd.DataFrame) -> Iterator[tuple[str, str, Cell, float]]:
    """Site, flux, and what the published hybrid gains over calibrated LaD, here and as published."""
    table = pd.read_csv(PUBLISHED).set_index(["site", "target", "model"]).rmse
    for site, target, model in table.index:
        key = (site, target, model, "bulk")
        if model != "bulk" and gain(ends, key, "rmse"):
            yield site, target, _item(ends, key), table[site, target, model] - table[site, target, "bulk"]


def _published(ends: pd.DataFrame) -> Iterator[Conclusion]:
    """What the published hybrid gains over calibrated LaD, there and here."""
    items = [
        replace(cell, text=f"{cell.text}; published {there:+.2f}")
        for _, _, cell, there in _published_gains(ends)
    ]
    if items:
        yield Conclusion(
            "The published hybrid, “mlp”, against calibrated LaD, RMSE on the test periods (W m⁻²):", items
        )


def _states(states: pd.DataFrame) -> Iterator[Conclusion]:
    """What NSE says of each pair that differs in the states it sees."""
    for (model, without), rows in states[states.metric == "nse"].groupby(["model", "without"], sort=False):
        items = []
        for row in rows.itertuples():
            marks = {
                verdict("nse", row.by_test_low, row.by_test_high),
                verdict("nse", row.by_seed_low, row.by_seed_high),
            }
            mark = marks.pop() if len(marks) == 1 else "open"
            text = f"{row.site} {row.target}: NSE {row.by_test:+.3f}, {WORDS[mark]}"
            items.append(Cell(text, row.by_test, mark))
        yield Conclusion(
            f"“{label(model)}” against “{label(without)}”, which sees less of the states; "
            "significant is what both the weeks and the seeds say:",
            items,
        )


def solver_conclusions(
    gains: Mapping[str, pd.DataFrame], landscapes: Mapping[str, pd.DataFrame]
) -> list[Conclusion]:
    """What the experiments with solvers found, as far as present.

    Both by site: `gains` of `lad daemons`, `landscapes` of `lad.evaluation.solvers.summary`.
    """
    found = [of_daemons(pd.concat(gains.values(), ignore_index=True))] if gains else []
    return found + ([of_landscapes(landscapes)] if landscapes else [])


def of_daemons(gains: pd.DataFrame) -> Conclusion:
    """Whether networks learn to correct their solvers; `gains` of all sites, from `lad daemons`."""
    items = []
    for r in gains.itertuples():
        text = (
            f"{r.site} {r.target}, {r.one} and {r.other}: {r.gain:+.2f}{_between(r.low, r.high, 'weeks')}"
            f"{_between(r.seeds_low, r.seeds_high, 'seeds')}, least cost {r.least:+.2f}: {SOLVER_WORDS[r.verdict]}"
        )
        items.append(Cell(text, r.gain))
    return Conclusion(
        "Does a network learn to correct the solver that it is trained through? Gain of running with its own over "
        "another, RMSE on the test periods (W m⁻²), and what the least of the changes costs:",
        items,
    )


def _between(low: float, high: float, over: str) -> str:
    return "" if np.isnan(low) else f" ({low:+.2f} … {high:+.2f} over {over})"


def of_landscapes(summaries: Mapping[str, pd.DataFrame]) -> Conclusion:
    """How solvers change the loss along parameters; by site a table of `lad.evaluation.solvers.summary`."""
    items = [
        Cell(f"{site}, {solver}: {'; '.join(_curve(r) for r in rows.itertuples())}")
        for site, summary in summaries.items()
        for solver, rows in summary.groupby("solver", sort=False)
    ]
    return Conclusion(
        "The loss of calibrated LaD along a parameter, by solver: shift of its minimum, error of its derivative in "
        "units of the derivative, both against the most accurate one, and kinks in a hundredth of the range:",
        items,
    )


def _curve(r) -> str:
    """One parameter with one solver."""
    shift = "no minimum" if np.isnan(r.shift_pct) else f"{r.shift_pct:+.2f} %"
    error = "not finite" if np.isnan(r.gradient_error) else f"{r.gradient_error:.3f}"
    return f"{r.parameter} {shift}, {error}, {r.kinks_close:.0f} kinks"
