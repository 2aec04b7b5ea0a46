"""Tables of a whole study: beside the published numbers, gains, what the states bring, validation, ranks."""

from collections.abc import Iterator

import pandas as pd

from lad.evaluation.bootstrap import KEYS, gain, verdict
from lad.evaluation.models import BASELINES, label, too_many
from lad.evaluation.study import (
    METRIC_GROUPS,
    OVERALL,
    PUBLISHED_METRICS,
    mean_over_sites,
    published,
    references,
)
from lad.tables import SCORES, Cell, Table

PUBLISHED_H = (  # sensible heat, of a site that is not stated: NSE and bias in % with and without states
    "Published for H, site not stated: with states NSE 0.841, bias -3.45 %; without 0.856, +24.81 %."
)
NOTHING_PUBLISHED = "No site of this study has published numbers."
GAINS = (
    "RMSE (W m⁻²) of the model, as ensemble, less that of a reference: negative is better. 95 % intervals over weeks "
    "of the test period; ✓ significantly better, ✗ significantly worse: zero lies outside."
)
STATES = (
    "Score of the model that sees the states less that of the one that sees less (size of bias in W m⁻²: less is "
    "better), of the ensembles over weeks, of their means over seeds: 95 % intervals, ✓ better and ✗ worse where zero "
    "lies outside."
)
VALIDATION = (
    "Lowest loss of a free run on the validation periods: mean over seeds (lowest … highest seed). Models may be "
    "chosen by it."
)
RANKS = (
    "1 is the best. Ranks by each metric, averaged over the metrics of a group, over groups, and over sites: "
    + "; ".join(f"{group}: {', '.join(names)}" for group, names in METRIC_GROUPS.items())
    + "."
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
    """A table for each site and flux, columns of `frame`, without them; one table of many sites, with them."""
    if too_many(frame.site):
        yield Table.of(frame, "All sites")
        return
    for (site, flux), rows in frame.groupby(["site", "flux"], sort=False):
        yield Table.of(rows.drop(columns=["site", "flux"]), f"{site}, {flux}")


def gains_tables(differences: pd.DataFrame) -> list[str | Table]:
    """RMSE of every model of the study less that of calibrated LaD and of the baselines, with intervals."""
    ends, against, rows = differences.set_index(KEYS), references(differences), []
    models = differences[~differences.model.isin(BASELINES)]
    for (site, target, model), _ in models.groupby(["site", "target", "model"], sort=False):
        cells = [difference_cell(ends, (site, target, model, name), "rmse") for name in against]
        rows.append([label(model), site, target, *(cell or Cell("") for cell in cells)])
    columns = ["model", "site", "flux", *(f"less {label(name)}" for name in against)]
    return [GAINS, *_by_place(pd.DataFrame(rows, columns=columns))]


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
    return [STATES, *_by_place(pd.DataFrame(rows, columns=columns))]


def validation_table(lowest: pd.DataFrame) -> Table:
    """`lowest_losses`, the best model first, a column for each site; of many sites a row."""
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
    return Table.of(table, "Lowest validation losses", VALIDATION)


def ranks_tables(ranks: pd.DataFrame) -> list[str | Table]:
    """`rank_table`: of each target a table over all sites and one of each site, the best model first."""
    tables = [RANKS]
    for target, of_target in ranks.groupby("target", sort=False):
        places = {site: of_target[of_target.site == site] for site in of_target.site.unique()}
        if len(places) > 1:
            places = {f"mean over {len(places)} sites": of_target} | places
        for place, rows in places.items():
            means = rows.pivot_table(index="model", columns="group", values="rank")[[*METRIC_GROUPS, OVERALL]]
            means = means.sort_values(OVERALL, kind="stable").map("{:.1f}".format).rename(index=label)
            tables.append(Table.of(means.rename_axis("model").reset_index(), f"{target}, {place}"))
    return tables
