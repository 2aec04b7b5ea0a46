"""Tables of scores: of the models at each site or over many, by stratum, and of two runs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from lad.evaluation.metrics import BETTER, NEITHER
from lad.evaluation.models import label, ordered, too_many
from lad.evaluation.scores import single_seeds, whole
from lad.tables import SCORES, Cell, ScoreFormat, Table
from lad.towers.archives import REPACKAGED
from lad.towers.coverage import KINDS

METRICS_SHOWN = ("rmse", "bias", "bias_pct", "nse", "kge", "r")
STRATA_METRICS = ("rmse", "bias", "nse")
SCORE_UNITS = "RMSE and bias (simulated minus observed) in W m⁻², bias % of the observed mean."
ONE_BY_ONE_NOTE = (
    f"{SCORE_UNITS} All models of a table are scored on the same n half-hours. A model trained with several seeds is "
    "scored by the mean of its simulated fluxes; the row below it gives the range of the scores over the single seeds. "
    "The best value of each column is bold."
)
OVER_SITES_NOTE = (
    "Medians of each score over the sites; best: the number of sites at which the model has the lowest RMSE of "
    f"all. {SCORE_UNITS} A model trained with several seeds is scored by the mean of its simulated fluxes. The scores "
    "of each site are in scores.csv, and in the table of its own folder."
)
STRATA_NOTE = (
    "Models are scored by the mean over their seeds, on the same n values; RMSE and bias in W m⁻². Day: more than 10 "
    "W m⁻² of shortwave radiation. Wet: more than 1 mm of rain in the last 24 h. Snow: more than 1 mm in the "
    "calibrated LaD. Daily and monthly means are over the usable half-hours of days and months that have at least "
    "half of them. Closed: the tower's fluxes corrected for the energy balance. All strata, with the hours of the "
    "day, are in strata.csv."
)
TWO_RUNS_NOTE = (
    "RMSE and bias (simulated minus observed) in W m⁻², of the mean flux over seeds against the tower's raw fluxes; "
    "in brackets the range over single seeds. Intervals are over weeks, the same ones drawn for both runs; they do "
    "not include the spread over seeds. Significantly better: in the whole interval. Each stands alone: of twenty "
    "without any difference one excludes zero by chance."
)


def score_tables(scores: pd.DataFrame) -> list[str | Table]:
    """A table for each site and target, or for each target of many sites; models in a fixed order."""
    if too_many(scores.site):
        return [OVER_SITES_NOTE, *(_over_sites(scores, target) for target in scores.target.unique())]
    return [ONE_BY_ONE_NOTE, *(_of_site(rows) for _, rows in scores.groupby(["site", "target"], sort=False))]


def _of_site(rows: pd.DataFrame) -> Table:
    """One site and target."""
    first, best = rows.iloc[0], _best(whole(rows))
    periods = ", ".join(period.replace(":", " to ") for period in first.period.split())
    lines = []
    for model, own in ((model, rows[rows.model == model]) for model in ordered(list(rows.model))):
        together, seeds = whole(own).iloc[0], single_seeds(own)
        scored = [
            replace(Cell.of(SCORES[name].text(together[name])), mark="best" * (model in best[name]))
            for name in METRICS_SHOWN
        ]
        lines.append([label(model), *scored, str(together.n)])
        if len(seeds) > 1:
            ends = ((SCORES[name], seeds[name].min(), seeds[name].max()) for name in METRICS_SHOWN)
            spread = [f"{score.text(low)} … {score.text(high)}" for score, low, high in ends]
            lines.append([f"{label(model)}, {len(seeds)} seeds", *spread, ""])
    caption = ""
    if first.n_not_known:
        caption = f"{first.n_not_known} of {first.n} half-hours may be filled: they carry no quality flag."
    title = f"{first.site}, {first.target}, {periods}"
    return Table.of(pd.DataFrame(lines, columns=["model", *_headings(), "n"]), title, caption)


def _best(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Score → the models with the best value as written; for a bias the smallest."""
    best = {}
    for name in METRICS_SHOWN:
        shown = rows[name].map(SCORES[name].text).replace("-", "nan").astype(float)
        distance = shown.abs() if BETTER[name] == NEITHER else -BETTER[name] * shown
        best[name] = list(rows.model[distance == distance.min()])
    return best


def _over_sites(scores: pd.DataFrame, target: str) -> Table:
    """For each model the number of sites, of those where its RMSE is lowest, and the median of each score."""
    rows = whole(scores[scores.target == target])
    best = rows.loc[rows.groupby("site").rmse.idxmin()].model.value_counts()
    lines = []
    for model, own in ((model, rows[rows.model == model]) for model in ordered(list(rows.model))):
        medians = [SCORES[name].text(own[name].median()) for name in METRICS_SHOWN]
        lines.append([label(model), own.site.nunique(), best.get(model, 0), *medians])
    frame = pd.DataFrame(lines, columns=["model", "sites", "best", *_headings()])
    return Table.of(frame, f"{target}, medians over sites")


def _headings() -> list[str]:
    return [SCORES[name].heading for name in METRICS_SHOWN]


def seeds_table(scores: pd.DataFrame) -> Table:
    """Every seed of every trained model, and their ensemble."""
    lines = [
        [label(model), row.seed, site, target, *(SCORES[name].text(row[name]) for name in METRICS_SHOWN)]
        for (site, target), rows in scores[scores.seed != ""].groupby(["site", "target"], sort=False)
        for model in ordered(list(rows.model))
        for _, row in rows[rows.model == model].iterrows()
    ]
    frame = pd.DataFrame(lines, columns=["model", "seed", "site", "flux", *_headings()])
    return Table.of(frame, "Scores by seed", SCORE_UNITS)


def records_tables(records: Mapping[str, Mapping[str, Any]], many: bool) -> Iterator[Table]:
    """What the records are (`lad.towers.coverage.describe`), by site; of `many` only those that are no releases."""
    if many:
        records = {site: record for site, record in records.items() if REPACKAGED in record["product"]}
    if records:
        products = [(site, record["product"]) for site, record in records.items()]
        yield Table.of(pd.DataFrame(products, columns=["site", "record"]), "Records")
    names = list(dict.fromkeys(name for record in records.values() for name in record["shares"]))
    if names and not many:
        shares = {
            site: ["/".join(f"{x:.0f}" for x in record["shares"].get(name, {}).values()) for name in names]
            for site, record in records.items()
        }
        frame = pd.DataFrame.from_dict(shares, orient="index", columns=names).rename_axis("site")
        yield Table.of(frame.reset_index(), f"% of these periods {', '.join(KINDS)}")


def strata_tables(scores: pd.DataFrame) -> list[str | Table]:
    """A table of `lad.evaluation.strata` for each target and score, models side by side.

    It has the strata of the raw half-hours without the hours of the day; otherwise only unstratified scores.
    """
    strata = (scores.correction == "raw") & (scores.scale == "half-hour") & (scores.stratum != "hour")
    shown = scores[strata | (scores.stratum == "all")]
    names = (shown.stratum + ": " + shown.value.fillna("").astype(str)).where(
        shown.stratum != "all", shown.correction + ", " + shown.scale
    )
    shown, models = shown.assign(name=names), list(dict.fromkeys(shown.model))
    tables = [STRATA_NOTE]
    for target, rows in shown.groupby("target", sort=False):
        for metric in STRATA_METRICS:
            values = rows.pivot(index=["name", "n"], columns="model", values=metric)[models]
            values = values.reindex(rows.set_index(["name", "n"]).index.unique()).map(SCORES[metric].text)
            frame = values.rename(columns=label).rename_axis(["", "n"]).reset_index()
            tables.append(Table.of(frame, f"{target}: {SCORES[metric].heading}"))
    return tables


def two_runs_tables(table: pd.DataFrame) -> list[str | Table]:
    """The table of `lad.evaluation.two_runs.compare`, for each target, and in words which run is better."""
    a, b = label(table.a.iloc[0]), label(table.b.iloc[0])
    parts = []
    for target, rows in table.groupby("target", sort=False):
        lines = []
        for _, row in rows.iterrows():
            score = SCORES[row.metric]
            runs = [
                _with_range(score, row[f"of_{run}"], row[f"low_{run}"], row[f"high_{run}"]) for run in "ab"
            ]
            change = score.signed(row.difference, row.low, row.high) if pd.notna(row.low) else "-"
            lines.append([score.heading, *runs, change, row.better and label(row.better)])
        headings = ["score", a, b, "difference (95 % interval)", "significantly better"]
        title = f"{target}, {rows.n.iloc[0]} half-hours in {rows.weeks.iloc[0]} weeks"
        parts += [
            Table.of(pd.DataFrame(lines, columns=headings), title),
            f"{target}: {_who_is_better(rows)}.",
        ]
    return [*parts, TWO_RUNS_NOTE]


def _with_range(score: ScoreFormat, value: float, low: float, high: float) -> Cell:
    """A score, and in brackets its range over seeds."""
    ends = f" ({score.text(low)} … {score.text(high)})" if pd.notna(value) and pd.notna(low) else ""
    return Cell.of(score.text(value) + ends)


def _who_is_better(rows: pd.DataFrame) -> str:
    """On which scores of one target one of the runs is significantly better."""
    judged = rows[[BETTER[metric] != NEITHER for metric in rows.metric]]
    if (judged.difference == 0).all():
        return "no difference"
    found = [
        f"{label(name)} is significantly better by {', '.join(SCORES[metric].heading for metric in won)}"
        for name in (rows.b.iloc[0], rows.a.iloc[0])
        if len(won := judged.metric[judged.better == name])
    ]
    return "; ".join(found or ["neither is significantly better"])
