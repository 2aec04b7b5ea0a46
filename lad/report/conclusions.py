"""What a study found, in words, all computed from its tables."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.evaluation.bootstrap import DIFFERENCE_KEYS, gain, verdict
from lad.evaluation.models import BASELINES, MOST_SITES, label, too_many
from lad.evaluation.scores import MULTI_SITE, NOTHING, OTHERS, full_name, whole
from lad.evaluation.study import PUBLISHED, Histories, chosen, mean_over_sites, trained
from lad.tables import Cell, wrapped
from lad.tables.study import compared, difference_cell

PUBLISHED_HYBRID = "mlp"  # in `config.yaml`, its design as published
IN_TEST = "in the test periods (W m⁻²)"
GAIN_OF_PUBLISHED = f"RMSE of the published hybrid, “{PUBLISHED_HYBRID}”, less that of calibrated LaD"
MOST_CASES = 4 * MOST_SITES  # that are listed one by one
WORDS = {"better": "significantly better", "worse": "significantly worse", "open": "not significant"}
Case = tuple[str, str]
"""A site and a flux."""


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
    ends, best, cases = differences.set_index(DIFFERENCE_KEYS), chosen(validation), _cases(scores)
    rows = whole(scores)
    hardest = {case: _best_baseline(rows, *case) for case in cases}
    against_lad = _compared(ends, best, dict.fromkeys(cases, "bulk"))
    against_baselines = _compared(ends, best, hardest, named=True)
    published = list(_published_gains(ends))
    losses = mean_over_sites(validation).sort_values()
    others = ", ".join(f"{label(model)} {loss:.4f}" for model, loss in losses.iloc[1:].items())
    among = f" of {len(losses)} trained models" if others else ", the only trained model"
    found = [
        Conclusion(
            f"The validation chooses “{label(best)}”{among}: mean loss over the sites {losses.iloc[0]:.4f}"
            f"{f' ({others})' if others else ''}. The test periods had no part in this.",
            [],
        ),
    ]
    for reference, gains in (
        ("calibrated LaD", against_lad),
        ("the best model without physics", against_baselines),
    ):
        if gains:
            text = f"RMSE of “{label(best)}” less that of {reference}, {IN_TEST}:"
            found.append(Conclusion(text, list(gains.values())))
    worse = [(*case, model, "bulk") for model in trained(scores) for case in cases]
    worse = [key for key in worse if (cell := difference_cell(ends, key, "rmse")) and cell.mark == "worse"]
    text = (
        "Trained models that are significantly worse than calibrated LaD:"
        if worse
        else "No trained model is significantly worse than calibrated LaD in RMSE at any site."
    )
    found.append(Conclusion(text, [_item(ends, key, model=True) for key in worse]))
    found += [
        _behind(ends, cases, model) for model in ("bulk", PUBLISHED_HYBRID) if model in set(scores.model)
    ]
    if published:
        items = [replace(cell, text=f"{cell.text}; published {there:+.2f}") for *_, cell, there in published]
        found.append(Conclusion(f"{GAIN_OF_PUBLISHED}, {IN_TEST}:", items))
    found += _states(states)
    sentences = _answer(rows, best, hardest, against_lad, against_baselines, published)
    return sentences, [_in_short(conclusion) for conclusion in found]


def _answer(
    rows: pd.DataFrame,
    best: str,
    hardest: Mapping[Case, str | None],
    against_lad: Mapping[Case, Cell],
    against_baselines: Mapping[Case, Cell],
    published: Sequence[tuple[str, str, Cell, float]],
) -> list[str]:
    """The errors of the chosen model, of LaD and of the best models without physics, and the published gain.

    `rows` of ensembles; `hardest`: the best model without physics in each case.
    """
    sentences = []
    if against_lad:
        sentences.append(
            f"In the test periods “{label(best)}”, the model chosen by validation, has "
            f"{'a median RMSE' if too_many(site for site, _ in against_lad) else 'an RMSE'} of "
            f"{_errors(rows, dict.fromkeys(against_lad, best), with_case=True)} W m⁻²; calibrated LaD has "
            f"{_errors(rows, dict.fromkeys(against_lad, 'bulk'))}, {_count(against_lad)}. A case is a flux at a site."
        )
    if against_baselines:
        best_of = {case: hardest[case] for case in against_baselines}
        sentences.append(
            f"The best model without physics in each case has {_errors(rows, best_of, with_model=True)}, "
            f"{_count(against_baselines)}."
        )
    if published:
        gains = (
            f"{target} {cell.number:+.1f} at {site} (published {there:+.1f})"
            for site, target, cell, there in published
        )
        sentences.append(f"{GAIN_OF_PUBLISHED}: {', '.join(gains)} W m⁻².")
    return sentences


def _count(gains: Mapping[Case, Cell]) -> str:
    """In which cases the other model has a larger or a smaller RMSE, if the chosen one has these `gains`."""
    more, less = ([case for case, cell in gains.items() if cell.mark == m] for m in ("better", "worse"))
    text = f"significantly more in {_some(more, gains)}"
    return text + f" and significantly less in {_some(less, gains)}" * bool(less)


def _some(cases: Sequence[Case], of: Collection[Case]) -> str:
    """How many cases of all, and which, unless it is all, none or too many."""
    named = f" ({', '.join(map(' '.join, cases))})" if 0 < len(cases) < len(of) <= MOST_CASES else ""
    return f"{len(cases)} of {len(of)} cases{named}"


def _behind(ends: pd.DataFrame, cases: Sequence[Case], model: str) -> Conclusion:
    """Models without physics that are significantly better than a model with physics, and where."""
    better = {}
    for name in BASELINES:
        cells = {case: difference_cell(ends, (*case, model, name), "rmse") for case in cases}
        better[name] = [case for case, cell in cells.items() if cell and cell.mark == "worse"]
    items = [Cell(f"{label(name)}: {_some(found, cases)}") for name, found in better.items() if found]
    if items:
        return Conclusion(
            f"Models without physics that are significantly better than “{label(model)}”:", items
        )
    return Conclusion(f"No model without physics is significantly better than “{label(model)}”.", [])


def _errors(
    rows: pd.DataFrame, models: Mapping[Case, str | None], with_case: bool = False, with_model: bool = False
) -> str:
    """RMSE of a model in each case; of many sites the medians, without the models."""
    errors = rows.set_index(["site", "target", "model"]).rmse
    keys = [(*case, model) for case, model in models.items() if model]
    rmse = errors[[key for key in keys if key in errors.index]]
    if too_many(site for site, _ in models):
        medians = rmse.groupby(level="target", sort=False).median()
        texts = [f"{value:.1f}" + f" ({target})" * with_case for target, value in medians.items()]
    else:
        texts = []
        for (site, target, model), value in rmse.items():
            notes = [f"{site} {target}"] * with_case + [label(model)] * with_model
            texts.append(f"{value:.1f}" + f" ({', '.join(notes)})" * bool(notes))
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def as_text(sentences: Sequence[str], found: Sequence[Conclusion]) -> str:
    """An answer and conclusions as Markdown that can be read as plain text too."""
    parts = [[wrapped(c.text), *(f"- {cell.text}" for cell in c.items)] for c in found]
    texts = ["\n".join(map(wrapped, sentences)), *("\n".join(lines) for lines in parts)]
    return "\n\n".join(filter(None, texts)) + "\n"


def _in_short(conclusion: Conclusion) -> Conclusion:
    """Instead of more than `MOST_CASES` items, the number of them with each verdict."""
    items = conclusion.items
    if len(items) <= MOST_CASES:
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


def _compared(
    ends: pd.DataFrame, model: str, references: Mapping[Case, str | None], named: bool = False
) -> dict[Case, Cell]:
    """A model against a reference in each case, as far as they were compared."""
    keys = {case: (*case, model, reference) for case, reference in references.items() if reference}
    return {case: _item(ends, key, named) for case, key in keys.items() if gain(ends, key, "rmse")}


def _cases(scores: pd.DataFrame) -> list[Case]:
    """Sites and fluxes with scores."""
    return list(dict.fromkeys(zip(scores.site, scores.target, strict=True)))


def _best_baseline(rows: pd.DataFrame, site: str, target: str) -> str | None:
    """The model without physics with the lowest RMSE in a case, if there is any."""
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


def of_training(histories: Histories, model: str) -> Conclusion:
    """What the training of a model through the equations added to its first weights, by the validation."""
    rows = {}
    for (site, name), history in histories.items():
        if name == model:
            first = history[history.step == history.step.min()].set_index("member").validation_loss
            lowest = history.groupby("member").validation_loss.min()
            rows[site] = (first.mean(), lowest.mean(), int((lowest == first).sum()), len(first))
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["first", "lowest", "kept", "networks"])
    if too_many(rows):
        summed = {"first": "mean", "lowest": "mean", "kept": "sum", "networks": "sum"}
        frame = frame.agg(summed).to_frame("mean over the sites").T
    return Conclusion(
        f"Validation loss of “{label(model)}” with its first weights, and the lowest one during gradient steps through "
        "the model's equations, means over the seeds; and how many networks kept their first weights:",
        [
            Cell(f"{r.Index}: {r.first:.4f}, {r.lowest:.4f}; {r.kept:.0f} of {r.networks:.0f}")
            for r in frame.itertuples()
        ],
    )


def of_unseen(table: pd.DataFrame, differences: pd.DataFrame) -> Conclusion:
    """The multi-site network at towers that it has not seen, against models that do not know them either.

    `table` and `differences` are those of `lad evaluate-multi-site`.
    """
    rmse, names = whole(table).set_index(["model", "fitted_on", "target"]).rmse.sort_index(), compared("")
    ends, network = differences.set_index(DIFFERENCE_KEYS), (MULTI_SITE, OTHERS)
    targets, sites = list(dict.fromkeys(table.target)), table.site.unique()

    def medians(model: tuple[str, str]) -> list[str]:
        return [f"{rmse[*model, target].median():.1f}" for target in targets]

    own = [f"{median} ({target})" for median, target in zip(medians(network), targets, strict=True)]
    texts, items = [f"the multi-site network has a median RMSE of {' and '.join(own)} W m⁻²"], []
    for rival in (("bulk", NOTHING), ("3km27", OTHERS)):
        if (*rival, targets[0]) not in rmse.index:
            continue
        texts.append(f"{names[rival]} has {' and '.join(medians(rival))}")
        for target in targets:
            pairs = [(site, target, full_name(*network), full_name(*rival)) for site in sites]
            marks = [cell.mark for pair in pairs if (cell := difference_cell(ends, pair, "rmse"))]
            better, worse = marks.count("better"), marks.count("worse")
            text = f"{target} against {names[rival]}: {WORDS['better']} at {better} of {len(marks)} towers"
            items.append(Cell(f"{text}, {WORDS['worse']} at {worse}"))
    return Conclusion(f"At towers it has not seen, {'; '.join(texts)}.", items)


def of_closure(
    validation: pd.DataFrame,
    periods: Mapping[str, pd.DataFrame],
    strata: Mapping[str, pd.DataFrame],
) -> list[Conclusion]:
    """How far the towers close their energy balance, and errors against fluxes scaled to close it.

    `validation` as in `conclusions`; `periods` and `strata`, the tables of `lad periods` and
    `lad evaluate`, by site. Empty where no tower has such fluxes.
    """
    items = []
    for site in [site for site in periods if site in strata]:
        table, ratio = strata[site], periods[site].set_index("period").ratio.get("test", np.nan)
        closed = table[
            (table.correction == "closed") & (table.scale == "half-hour") & (table.stratum == "all")
        ]
        for target, rows in closed.dropna(subset="rmse").groupby("target", sort=False):
            rmse = rows.set_index("model").rmse
            models = (chosen(validation), "bulk", _best_baseline(rows, site, target))
            errors = ", ".join(f"{label(model)} {rmse[model]:.1f}" for model in models if model in rmse)
            share = "" if np.isnan(ratio) else f" ({100 * ratio:.0f} %)"
            items.append(Cell(f"{site} {target}{share}: {errors}"))
    text = (
        "LaD and hybrids close the energy balance; towers, and models fitted to their fluxes alone, do not. RMSE "
        "(W m⁻²) against fluxes scaled to close it, at the half-hours where that can be done, of the chosen model, of "
        "calibrated LaD and of the model without physics that is best there; in brackets LE + H of the tower over "
        "Rn − G in the test period:"
    )
    return [Conclusion(text, items)] if items else []
