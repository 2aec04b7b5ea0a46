"""Tables of a study: published numbers, gains, what the states bring, validation, ranks, multi-site networks."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from lad.evaluation.bootstrap import DIFFERENCE_KEYS, gain, verdict
from lad.evaluation.models import BASELINES, FINE_TUNED, label, too_many
from lad.evaluation.scores import (
    ALL,
    ITSELF,
    MULTI_SITE,
    NOTHING,
    OTHER_TYPES,
    OTHERS,
    full_name,
    single_seeds,
    whole,
)
from lad.evaluation.study import (
    METRIC_GROUPS,
    OVERALL,
    PUBLISHED_METRICS,
    by_years,
    chosen_by_years,
    mean_over_sites,
    published,
    references,
)
from lad.observations import TARGETS
from lad.tables import SCORES, Cell, Table

PUBLISHED_H = (  # sensible heat, of a site that is not stated: NSE and bias in % with and without states
    "Published for H, site not stated: with states NSE 0.841, bias -3.45 %; without 0.856, +24.81 %."
)
NOTHING_PUBLISHED = "No site of this study has published numbers."
NO_PAIR = "No two models of this study differ only in the states that they see."
MARKED = (
    "95 % intervals over weeks of the test period; "
    "✓ significantly better, ✗ significantly worse: zero lies outside."
)
GAINS_NOTE = f"RMSE (W m⁻²) of the model, as ensemble, less that of a reference: negative is better. {MARKED}"
STATES_NOTE = (
    "Score of the model that sees the states less that of the one that sees fewer (size of bias in W m⁻²: lower is "
    "better). 95 % intervals: for ensembles over weeks, for means over seeds; ✓ better and ✗ worse where zero lies "
    "outside."
)
VALIDATION_NOTE = (
    "Lowest loss of a free run on the validation periods: mean over seeds (lowest … highest seed). Models may be "
    "chosen by it."
)
RANKS_NOTE = (
    "1 is the best. Ranks by each metric, averaged over the metrics of a group, over groups, and over sites: "
    + "; ".join(f"{group}: {', '.join(names)}" for group, names in METRIC_GROUPS.items())
    + "."
)
YEARS_NOTE = (
    "Scores of ensembles in years that calibration and training have not seen; RMSE in W m⁻². The best model, by the "
    "mean NSE over both fluxes and all folds, stands first."
)
METRICS_COMPARED = ("nse", "rmse", "bias")
WITHOUT_SITE = (MULTI_SITE, OTHERS)
COMPARED_WITH = [("bulk", NOTHING), ("1lin", OTHERS), ("3km27", OTHERS), (MULTI_SITE, ALL)]
"""Models that the network without a site is compared with, with intervals."""
MULTI_SITE_NOTE = (
    "Test periods of each site; RMSE and bias in W m⁻²; networks by the mean flux of their seeds. LaD a priori has "
    "the table's parameters for cover and soil and saw no flux. 1lin and 3km27 are the regressions of PLUMBER fitted "
    "to the other sites. The multi-site network was trained on all other types of vegetation "
    "(leave-one-type-out; on the other sites, if none of them is of the site's type), on all other sites "
    "(leave-one-site-out), or on all. Calibrated LaD and the model of the last column know only this site."
)
MULTI_SITE_GAINS_NOTE = (
    f"RMSE of the network without the site less that of another, W m⁻²: negative is better. {MARKED}"
)

FINE_TUNING_NOTE = (
    "Test periods of each site. `years`: how many of its last training years calibration and training used; models "
    "with 0 know other sites or none. Fine-tuned: the network of the other sites, trained further at this "
    "one with its calibrated parameters. RMSE and bias in W m⁻², of ensembles."
)


def published_table(scores: pd.DataFrame) -> Table | None:
    """Published and reproduced scores of LE side by side, for the sites and models of both; None without any."""
    both = published(scores)
    frame = pd.DataFrame({"site": both.site, "model": both.model.map(label)})
    for name in PUBLISHED_METRICS:
        for column, whose in ((name, "publ."), (f"{name}_here", "here")):
            frame[f"{SCORES[name].heading} {whose}"] = both[column].map(SCORES[name].text)
    caption = "RMSE in W m⁻². Ours are scores of the ensembles."
    return Table.of(frame, "LE on the test periods", caption) if len(frame) else None


def difference_cell(ends: pd.DataFrame, key: tuple[str, str, str, str], metric: str) -> Cell | None:
    """`gain` as text with the verdict as its mark; None where the two were not compared."""
    found = gain(ends, key, metric)
    return found and Cell(SCORES[metric].signed(*found), found[0], verdict(metric, *found[1:]))


def _by_place(frame: pd.DataFrame) -> Iterator[Table]:
    """A table of `frame` for each site and flux, without these columns; for many sites one table with them."""
    if too_many(frame.site):
        yield Table.of(frame, "All sites")
        return
    for (site, flux), rows in frame.groupby(["site", "flux"], sort=False):
        yield Table.of(rows.drop(columns=["site", "flux"]), f"{site}, {flux}")


def gains_tables(differences: pd.DataFrame) -> list[str | Table]:
    """RMSE of every model of the study less that of calibrated LaD and of the baselines, with intervals."""
    ends, against, rows = differences.set_index(DIFFERENCE_KEYS), references(differences), []
    models = differences[~differences.model.isin(BASELINES)]
    for (site, target, model), _ in models.groupby(["site", "target", "model"], sort=False):
        cells = [difference_cell(ends, (site, target, model, name), "rmse") for name in against]
        rows.append([label(model), site, target, *(cell or Cell("") for cell in cells)])
    columns = ["model", "site", "flux", *(f"less {label(name)}" for name in against)]
    return [GAINS_NOTE, *_by_place(pd.DataFrame(rows, columns=columns))]


def states_tables(states: pd.DataFrame) -> list[str | Table]:
    """The table of `lad.evaluation.study.states_table`."""
    rows = []
    for row in states.itertuples():
        cells = []
        for kind in ("by_test", "by_seed"):
            difference, low, high = (getattr(row, f"{kind}{end}") for end in ("", "_low", "_high"))
            text = f"{difference:+.3f} ({low:+.3f} … {high:+.3f})"
            cells.append(Cell(text, difference, verdict(row.metric, low, high)))
        score = SCORES[row.metric].heading
        rows.append([score, label(row.model), label(row.without), row.site, row.target, *cells])
    columns = ["score", "model", "less", "site", "flux", "over weeks", "over seeds"]
    return [STATES_NOTE, *_by_place(pd.DataFrame(rows, columns=columns))]


def validation_table(lowest: pd.DataFrame) -> Table:
    """`lowest_losses`, the best model first, a column for each site; for many sites a row."""
    lowest = lowest.assign(
        cell=[f"{row.mean:.4f} ({row.low:.4f} … {row.high:.4f})" for row in lowest.itertuples(index=False)]
    )
    sites = lowest.site.unique()
    means = mean_over_sites(lowest).sort_values()
    table = lowest.pivot(index="model", columns="site", values="cell").loc[means.index, sites]
    table = table.assign(mean=means.map("{:.4f}".format)).rename(index=label)
    if too_many(sites):
        table = table.T
    table = table.rename_axis("site" if too_many(sites) else "model").reset_index()
    return Table.of(table, "Lowest validation losses", VALIDATION_NOTE)


def years_tables(scores: pd.DataFrame) -> list[str | Table]:
    """`by_years` of `scores` with a column `fold`, a table for each target, and which model it chooses."""
    chosen, scores = chosen_by_years(scores), by_years(scores)
    tables = [
        YEARS_NOTE,
        f"Chosen of the trained models: {label(chosen)}." if chosen else "No trained model to choose.",
    ]
    for target in TARGETS:
        own = scores.loc[target].rename(index=label).rename_axis("model").reset_index()
        for name in ("nse", "kge"):
            own[name] = own[name].map(SCORES[name].text)
        own = own.rename(columns={"bias_pct": "mean size of bias %"})
        own = own.rename(columns={name: f"mean {SCORES[name].heading}" for name in ("rmse", "nse", "kge")})
        tables.append(Table.of(own.map(lambda x: f"{x:.2f}" if isinstance(x, float) else x), target))
    return tables


def ranks_tables(ranks: pd.DataFrame) -> list[str | Table]:
    """`rank_table`: for each target a table over all sites and one for each site, the best model first."""
    tables = [RANKS_NOTE]
    for target, of_target in ranks.groupby("target", sort=False):
        places = {site: of_target[of_target.site == site] for site in of_target.site.unique()}
        if len(places) > 1:
            places = {f"mean over {len(places)} sites": of_target} | places
        for place, rows in places.items():
            means = rows.pivot_table(index="model", columns="group", values="rank")[[*METRIC_GROUPS, OVERALL]]
            means = means.sort_values(OVERALL, kind="stable").map("{:.1f}".format).rename(index=label)
            tables.append(Table.of(means.rename_axis("model").reset_index(), f"{target}, {place}"))
    return tables


def compared(own: str) -> dict[tuple[str, str], str]:
    """Model and what it was fitted on → its name, for all models compared; `own` is the sites' own model."""
    return {
        ("bulk", NOTHING): "LaD a priori",
        ("1lin", OTHERS): "1lin of the others",
        ("3km27", OTHERS): "3km27 of the others",
        (MULTI_SITE, OTHER_TYPES): "multi-site, without its type",
        (MULTI_SITE, OTHERS): "multi-site, without it",
        (MULTI_SITE, ALL): "multi-site, with it",
        ("bulk", ITSELF): label("bulk"),
        (own, ITSELF): f"its own {own}",
    }


def own_model(table: pd.DataFrame) -> str:
    """The model of the sites themselves in a table of `lad evaluate-multi-site`."""
    return next(model for model in table[table.fitted_on == ITSELF].model if model != "bulk")


def multi_site_tables(table: pd.DataFrame, trained: Mapping[str, Any] | None = None) -> list[str | Table]:
    """For each target and score a row for each site, a column for each model and what it was fitted on.

    `table` is that of `lad evaluate-multi-site`, `trained` the settings of the networks' training, if they are known.
    """
    own = own_model(table)
    names = compared(own)
    rows = whole(table).set_index(["model", "fitted_on"])
    parts = [MULTI_SITE_NOTE, _budget(table, own, trained)]
    for target in TARGETS:
        for metric in METRICS_COMPARED:
            scores = rows[rows.target == target].pivot_table(
                metric, "site", ["model", "fitted_on"], sort=False, dropna=False
            )
            texts = scores.reindex(columns=list(names)).map(SCORES[metric].text)
            texts.columns = names.values()
            parts.append(Table.of(texts.reset_index(), f"{target}, {SCORES[metric].heading}"))
    return parts


def multi_site_differences_tables(differences: pd.DataFrame) -> list[str | Table]:
    """For each target the RMSE of the network that did not see a site less that of others."""
    ends, names = differences.set_index(DIFFERENCE_KEYS), compared("")
    parts = [MULTI_SITE_GAINS_NOTE]
    for target in TARGETS:
        lines = []
        for site in differences.site.unique():
            pairs = [(site, target, full_name(*WITHOUT_SITE), full_name(*other)) for other in COMPARED_WITH]
            lines.append([site, *(difference_cell(ends, pair, "rmse") or Cell("-") for pair in pairs)])
        columns = ["site", *(f"less {names[other]}" for other in COMPARED_WITH)]
        title = f"{target}, RMSE of the network without the site"
        parts.append(Table.of(pd.DataFrame(lines, columns=columns), title))
    return parts


def by_years_known(known: pd.DataFrame, multi_site: pd.DataFrame) -> pd.DataFrame:
    """Scores of ensembles by `years` of the site that a model knows, and its `name`; the others have 0 years.

    `known` are scores with a column `years`, `multi_site` those of `lad evaluate-multi-site`, from which models that
    know other sites or none are taken.
    """
    own = whole(known).assign(name=lambda rows: rows.model.map(label).replace(FINE_TUNED, "fine-tuned"))
    names = compared("")
    others = whole(multi_site[multi_site.site.isin(known.site)]).assign(years=0)
    others["name"] = [names.get(key, "") for key in zip(others.model, others.fitted_on, strict=True)]
    others = others[others.fitted_on.isin([NOTHING, OTHERS]) & (others.name != "")]
    return pd.concat([others, own], ignore_index=True).drop(columns=["fitted_on", "seed", "model"])


def fine_tuning_tables(scores: pd.DataFrame) -> list[str | Table]:
    """For each target and score a row for each site and number of years; `scores` of `by_years_known`."""
    parts = [FINE_TUNING_NOTE]
    for target in TARGETS:
        for metric in METRICS_COMPARED:
            rows = scores[scores.target == target].pivot_table(metric, ["site", "years"], "name", sort=False)
            texts = rows.sort_index().map(SCORES[metric].text).reset_index()
            parts.append(Table.of(texts, f"{target}, {SCORES[metric].heading}"))
    return parts


def _budget(table: pd.DataFrame, own: str, trained: Mapping[str, Any] | None) -> str:
    """The numbers of seeds, training steps and days of the networks."""
    members = single_seeds(table).groupby(["model", "fitted_on"]).seed.nunique()
    together, alone = (int(members.get(key, 1)) for key in ((MULTI_SITE, ALL), (own, ITSELF)))
    text = f"Multi-site networks: {together} seeds"
    if trained:
        days = f"{trained['window_days'][-1]:g} days of each site"
        text += f", at most {trained['steps']} steps on {trained['batch']} windows of {days}"
    return f"{text}. Its own {own}: {alone} seeds."
