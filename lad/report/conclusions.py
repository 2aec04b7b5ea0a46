"""What a study found, in words, all computed from its tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.evaluation.bootstrap import DIFFERENCE_KEYS, gain, verdict
from lad.evaluation.models import BASELINES, MOST_SITES, label, too_many
from lad.evaluation.scores import MULTI_SITE, NOTHING, OTHERS, full_name, whole
from lad.evaluation.solvers import NEGLIGIBLE
from lad.evaluation.study import PUBLISHED, chosen, mean_over_sites, trained
from lad.tables import Cell, wrapped
from lad.tables.study import compared, difference_cell

MOST_PLACES = 4 * MOST_SITES  # that are listed one by one
WORDS = {"better": "significantly better", "worse": "significantly worse", "open": "not significant"}
SOLVER_WORDS = {
    "learns to correct": "it learns to correct its solver",
    "does not": f"less than {100 * NEGLIGIBLE:.0f} %, it does not",
    "one-sided": "one-sided, an instability and no correction",
    "not significant": "not significant",
}
Place = tuple[str, str]
"""A case: a site and a flux."""


class Conclusion(NamedTuple):
    """A sentence, and the evidence for it by place."""

    text: str
    items: list[Cell]


def conclusions(
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    states: pd.DataFrame,
    validation: pd.DataFrame,
) -> tuple[list[str], list[Conclusion]]:
    """The study in up to three sentences, and its findings, the unfavourable ones as well.

    `scores`, `differences` and `states` are the tables of `lad evaluate` and `lad overview`, `validation` that of
    `lowest_losses`. A case is a flux at a site.
    """
    ends, best, places = differences.set_index(DIFFERENCE_KEYS), chosen(validation), _places(scores)
    hardest = {place: _best_baseline(scores, *place) for place in places}
    of_lad = {place: "bulk" for place in places}
    against_lad = _items(ends, best, of_lad)
    against_baselines = _items(ends, best, hardest, named=True)
    losses = mean_over_sites(validation).sort_values()
    others = ", ".join(f"{label(model)} {loss:.4f}" for model, loss in losses.iloc[1:].items())
    found = [
        Conclusion(
            f"The validation chooses “{label(best)}”"
            + (f" of {len(losses)} trained models" if others else ", the only trained model")
            + f": mean loss over the sites {losses.iloc[0]:.4f}{f' ({others})' if others else ''}. The test periods had"
            " no part in this.",
            [],
        ),
        Conclusion(
            f"RMSE of “{label(best)}” less that of calibrated LaD in the test periods (W m⁻²):", against_lad
        ),
    ]
    if against_baselines:
        found.append(
            Conclusion(
                f"RMSE of “{label(best)}” less that of the model without physics that has the lowest one in the same"
                " test:",
                against_baselines,
            )
        )
    worse = [(*place, model, "bulk") for model in trained(scores) for place in places]
    worse = [key for key in worse if (cell := difference_cell(ends, key, "rmse")) and cell.mark == "worse"]
    text = (
        "Trained models that are significantly worse than calibrated LaD:"
        if worse
        else "No trained model is significantly worse than calibrated LaD in RMSE at any site."
    )
    found.append(Conclusion(text, [_item(ends, key, model=True) for key in worse]))
    published = list(_published_gains(ends))
    if published:
        items = [replace(cell, text=f"{cell.text}; published {there:+.2f}") for *_, cell, there in published]
        text = "RMSE of the published hybrid, “mlp”, less that of calibrated LaD in the test periods (W m⁻²):"
        found.append(Conclusion(text, items))
    found += _states(states)
    sentences = [
        f"In the test periods “{label(best)}”, the model chosen by validation, has "
        f"{'a median RMSE' if too_many(site for site, _ in places) else 'an RMSE'} of "
        f"{_errors(scores, dict.fromkeys(places, best), where=True)} W m⁻²; calibrated LaD has "
        f"{_errors(scores, of_lad)}, {_count(against_lad)}."
    ]
    if against_baselines:
        sentences.append(
            f"The best model without physics in each case has {_errors(scores, hardest, named=True)}, "
            f"{_count(against_baselines)}."
        )
    if published:
        gains = (
            f"{target} {cell.number:+.1f} at {site} (published {there:+.1f})"
            for site, target, cell, there in published
        )
        sentences.append(
            f"RMSE of the published hybrid, “mlp”, less that of calibrated LaD: {', '.join(gains)} W m⁻²."
        )
    return sentences, [_in_short(conclusion) for conclusion in found]


def _count(cells: Sequence[Cell]) -> str:
    """In how many cases another model has a larger and a smaller RMSE than the chosen one, whose items are `cells`."""
    more, less = (sum(cell.mark == mark for cell in cells) for mark in ("better", "worse"))
    return (
        f"significantly more in {more} of {len(cells)} cases"
        + f" and significantly less in {less}" * bool(less)
    )


def _errors(
    scores: pd.DataFrame, models: Mapping[Place, str | None], where: bool = False, named: bool = False
) -> str:
    """RMSE of a model in each case, `where` with the case, `named` with the model; of many sites the medians."""
    errors = whole(scores).set_index(["site", "target", "model"]).rmse
    keys = [(*place, model) for place, model in models.items() if model]
    rmse = errors[[key for key in keys if key in errors.index]]
    if too_many(site for site, _ in models):
        medians = rmse.groupby(level="target", sort=False).median()
        texts = [f"{value:.1f}" + f" ({target})" * where for target, value in medians.items()]
    else:
        texts = []
        for (site, target, model), value in rmse.items():
            notes = [f"{site} {target}"] * where + [label(model)] * named
            texts.append(f"{value:.1f}" + f" ({', '.join(notes)})" * bool(notes))
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


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


def _items(
    ends: pd.DataFrame, model: str, references: Mapping[Place, str | None], named: bool = False
) -> list[Cell]:
    """A model against a reference in each case, as far as they were compared."""
    keys = [(*place, model, reference) for place, reference in references.items() if reference]
    return [_item(ends, key, named) for key in keys if gain(ends, key, "rmse")]


def _places(scores: pd.DataFrame) -> list[Place]:
    """Sites and fluxes with scores."""
    return list(dict.fromkeys(zip(scores.site, scores.target, strict=True)))


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


def of_unseen(table: pd.DataFrame, differences: pd.DataFrame) -> Conclusion:
    """The multi-site network at towers that it has not seen, against models that do not know them either.

    `table` and `differences` are those of `lad evaluate-multi-site`.
    """
    rmse, names = whole(table).set_index(["model", "fitted_on", "target"]).rmse.sort_index(), compared("")
    ends, network = differences.set_index(DIFFERENCE_KEYS), (MULTI_SITE, OTHERS)
    targets, texts, items = list(dict.fromkeys(table.target)), [], []
    for rival in (network, ("bulk", NOTHING), ("3km27", OTHERS)):
        if (*rival, targets[0]) not in rmse.index:
            continue
        medians = [f"{rmse[*rival, target].median():.1f}" for target in targets]
        if rival == network:
            medians = [f"{text} ({target})" for text, target in zip(medians, targets, strict=True)]
            texts.append(f"the multi-site network has a median RMSE of {' and '.join(medians)} W m⁻²")
            continue
        texts.append(f"{names[rival]} has {' and '.join(medians)}")
        for target in targets:
            pairs = [(site, target, full_name(*network), full_name(*rival)) for site in table.site.unique()]
            marks = [cell.mark for pair in pairs if (cell := difference_cell(ends, pair, "rmse"))]
            better, worse = marks.count("better"), marks.count("worse")
            text = f"{target} against {names[rival]}: {WORDS['better']} at {better} of {len(marks)} towers"
            items.append(Cell(f"{text}, {WORDS['worse']} at {worse}"))
    return Conclusion(f"At towers that it has not seen, {'; '.join(texts)}.", items)


def of_closure(
    scores: pd.DataFrame,
    validation: pd.DataFrame,
    periods: Mapping[str, pd.DataFrame],
    strata: Mapping[str, pd.DataFrame],
) -> list[Conclusion]:
    """How far the towers close their energy balance, and errors against fluxes scaled to close it.

    `scores` and `validation` as in `conclusions`; `periods` and `strata`, the tables of `lad periods` and
    `lad evaluate`, by site. Empty where no tower has such fluxes.
    """
    items = []
    for site in [site for site in periods if site in strata]:
        table = strata[site]
        ratio = periods[site].set_index("period").ratio["test"]
        closed = table[
            (table.correction == "closed") & (table.scale == "half-hour") & (table.stratum == "all")
        ]
        for target, rows in closed.groupby("target", sort=False):
            rmse = rows.set_index("model").rmse
            models = (chosen(validation), "bulk", _best_baseline(scores, site, target))
            errors = ", ".join(f"{label(model)} {rmse[model]:.1f}" for model in models if model in rmse)
            items.append(Cell(f"{site} {target} ({100 * ratio:.0f} %): {errors}"))
    text = (
        "A model closes the energy balance, a tower does not. RMSE (W m⁻²) against fluxes scaled to close it, at the "
        "half-hours where that can be done, and, in brackets, LE + H of the tower over Rn − G in the test period:"
    )
    return [Conclusion(text, items)] if items else []


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
