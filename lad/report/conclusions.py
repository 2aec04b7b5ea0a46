"""What a study found, told from its tables: every word of it is computed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from lad.evaluation.courses import mean_over_sites
from lad.evaluation.few import FEW
from lad.evaluation.metrics import BETTER
from lad.evaluation.models import label, ordered
from lad.evaluation.pair import SCORES
from lad.evaluation.scores import whole
from lad.evaluation.study import KEYS, PUBLISHED, REFERENCES, gain, references, signed, sure
from lad.report.tables import Cell

MOST = 4 * FEW  # places that are told one by one
WORDS = {"better": "surely better", "worse": "surely worse", "open": "not decided"}
EMPIRICAL = [name for name in REFERENCES if name != "bulk"]


class Conclusion(NamedTuple):
    """A sentence, and what it rests on place by place."""

    text: str
    items: list[Cell]


def verdict(metric: str, low: float, high: float) -> str:
    """better, worse or open, from the interval of a difference of the score `metric`."""
    if not sure(low, high):
        return "open"
    return "better" if BETTER[metric] * low > 0 else "worse"


def trained(scores: pd.DataFrame) -> list[str]:
    """Models of the study, without baselines and calibrated LaD."""
    return [model for model in ordered(list(scores.model)) if model not in REFERENCES]


def chosen(validation: pd.DataFrame) -> str:
    """The model with the lowest validation loss, mean over sites; `validation` as of `lowest_losses`."""
    return mean_over_sites(validation).idxmin()


def gains(differences: pd.DataFrame, metric: str = "rmse") -> pd.DataFrame:
    """Every model of the study less each reference, as marked cells."""
    ends, against = differences.set_index(KEYS), references(differences)
    rows = []
    models = differences[~differences.model.isin(EMPIRICAL)]
    for (site, target, model), _ in models.groupby(["site", "target", "model"], sort=False):
        cells = [_cell(ends, (site, target, model, reference), metric) for reference in against]
        rows.append([label(model), site, target, *(cell or Cell("") for cell in cells)])
    return pd.DataFrame(rows, columns=["model", "site", "flux", *(f"less {label(name)}" for name in against)])


def states_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The table of `states_table` with its intervals as marked cells."""
    rows = []
    for row in table.itertuples():
        head = [SCORES[row.metric].heading, label(row.model), label(row.without), row.site, row.target]
        cells = []
        for kind in ("by_test", "by_seed"):
            difference, low, high = (getattr(row, f"{kind}{end}") for end in ("", "_low", "_high"))
            mark = verdict(row.metric, low, high)
            cells.append(Cell(f"{difference:+.3f} ({low:+.3f} … {high:+.3f})", difference, mark))
        rows.append([*head, *cells])
    return pd.DataFrame(rows, columns=["score", "model", "less", "site", "flux", "over weeks", "over seeds"])


def conclusions(
    scores: pd.DataFrame, differences: pd.DataFrame, states: pd.DataFrame, validation: pd.DataFrame
) -> list[Conclusion]:
    """The findings of a study, the unfavourable ones as well.

    `scores`, `differences` and `states` are the tables of `lad evaluate` and `lad overview`, `validation` that of
    `lowest_losses`.
    """
    ends = differences.set_index(KEYS)
    places = list(dict.fromkeys(zip(scores.site, scores.target, strict=True)))
    best, losses = chosen(validation), mean_over_sites(validation).sort_values()
    others = ", ".join(f"{label(model)} {loss:.4f}" for model, loss in losses.iloc[1:].items())
    found = [
        Conclusion(
            f"By validation “{label(best)}” is the best of {len(losses)} trained models: mean loss over the sites "
            f"{losses.iloc[0]:.4f}{f' ({others})' if others else ''}. The test periods had no part in this.",
            [],
        ),
        Conclusion(
            f"“{label(best)}” against calibrated LaD, RMSE on the test periods (W m⁻²):",
            _items(ends, [(*place, best, "bulk") for place in places]),
        ),
    ]
    hardest = {place: _best_baseline(scores, *place) for place in places}
    keys = [(*place, best, reference) for place, reference in hardest.items() if reference]
    if keys:
        found.append(
            Conclusion(
                f"“{label(best)}” against the empirical baseline with the lowest RMSE on that very test period:",
                _items(ends, keys, named=True),
            )
        )
    worse = [(*place, model, "bulk") for model in trained(scores) for place in places]
    worse = [key for key in worse if (cell := _cell(ends, key, "rmse")) and cell.mark == "worse"]
    text = (
        "Trained models that are surely worse than calibrated LaD:"
        if worse
        else ("No trained model is surely worse than calibrated LaD in RMSE at any site.")
    )
    found.append(Conclusion(text, [_item(ends, key, model=True) for key in worse]))
    found += [*_published(ends), *_states(states)]
    return [_in_short(conclusion) for conclusion in found]


def _in_short(conclusion: Conclusion) -> Conclusion:
    """Instead of more than `MOST` places, at how many of them which verdict holds."""
    items = conclusion.items
    if len(items) <= MOST:
        return conclusion
    counted = [
        Cell(f"{words}: {sum(cell.mark == mark for cell in items)} of {len(items)}", mark=mark)
        for mark, words in WORDS.items()
    ]
    return conclusion._replace(items=counted)


def _cell(ends: pd.DataFrame, key: Sequence[str], metric: str) -> Cell | None:
    difference = gain(ends, key, metric)
    return difference and Cell(signed(*difference), difference[0], verdict(metric, *difference[1:]))


def _item(ends: pd.DataFrame, key: Sequence[str], named: bool = False, model: bool = False) -> Cell:
    """Where, how much and the verdict in words; `named` with the reference, `model` with the model."""
    site, target, name, reference = key
    where = (
        f"{f'{label(name)}, ' if model else ''}{site} {target}{f', less {label(reference)}' if named else ''}"
    )
    cell = _cell(ends, key, "rmse")
    return cell._replace(text=f"{where}: {cell.text}, {WORDS[cell.mark]}")


def _items(ends: pd.DataFrame, keys: Sequence[Sequence[str]], named: bool = False) -> list[Cell]:
    return [_item(ends, key, named) for key in keys if gain(ends, key, "rmse")]


def _best_baseline(scores: pd.DataFrame, site: str, target: str) -> str | None:
    rows = whole(scores)
    rows = rows[(rows.site == site) & (rows.target == target) & rows.model.isin(EMPIRICAL)]
    return None if rows.empty else rows.loc[rows.rmse.idxmin()].model


def _published(ends: pd.DataFrame) -> Iterator[Conclusion]:
    """What the published hybrid gains over calibrated LaD, there and here."""
    table = pd.read_csv(PUBLISHED).set_index(["site", "target", "model"]).rmse
    items = []
    for site, target, model in table.index:
        key = (site, target, model, "bulk")
        if model == "bulk" or gain(ends, key, "rmse") is None:
            continue
        there = table[site, target, model] - table[site, target, "bulk"]
        cell = _item(ends, key)
        items.append(cell._replace(text=f"{cell.text}; published {there:+.2f}"))
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
            "sure is what both the weeks and the seeds say:",
            items,
        )
