"""What a network for many towers is worth at each: trained with it, without it, and without all of its kind."""

import functools
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.evaluation.free_runs import run_freely
from lad.evaluation.models import label
from lad.evaluation.scores import TRANSFER_COLUMNS, score_table, whole
from lad.evaluation.series import Simulated
from lad.evaluation.table import grid
from lad.fluxes import BulkFluxes
from lad.many.joint import load_joint, trained_on
from lad.many.place import Place, a_priori, place
from lad.model import Model
from lad.observations import TARGETS, read_observed
from lad.periods import Periods, check_disjoint, mask
from lad.site_files import record_of

ALL = "all"
JOINT, LAD = "joint", "bulk"
NOTHING, ITSELF, OTHERS, OTHER_TYPES = "nothing", "itself", "others", "other types"
Networks = Mapping[str, Mapping[str, Path]]
"""Fold → seed → file. A fold is `all`, or what was left out: a site or an IGBP class."""


def joint_scores(
    site: str,
    files: Mapping[str, Path],
    periods: Mapping[str, Periods],
    networks: Networks,
    types: Mapping[str, str],
    solver,
    passes: int,
) -> pd.DataFrame:
    """Scores of LaD with the table's parameters and of the networks on the test half-hours of a site.

    `files` are forcing and observations; `types` the IGBP class of all sites. Rows of `TRANSFER_COLUMNS`, `fitted_on`
    one of `nothing`, `all`, `others`, `other types`. Where no other site is of its class the last two are the same
    network; where others are and no fold is without them, there are no rows of the last. Raises InputError if a fold
    is missing or was trained on what it is to be without, as for a test period that overlaps another.
    """
    train, validation, test = (periods[name] for name in ("train", "validation", "test"))
    check_disjoint(train=train, test=test)
    check_disjoint(validation=validation, test=test)
    record = record_of(site, files["forcing"])
    observed = read_observed(files["observations"], site).during(test, files["observations"])
    inside = mask(record.time, test)

    def simulated(models: Mapping[str, Model]) -> Simulated:
        return run_freely(models, solver, record, inside, passes)

    @functools.cache
    def here(*attributes: str) -> Place:
        return place(files["forcing"], record.reference_height, attributes)

    def placed(path: Path) -> Model:
        joint, settings = load_joint(path)
        return joint.at(here(*settings["attributes"]))

    def joint(fold: str) -> Simulated:
        return simulated({seed: placed(path) for seed, path in networks[fold].items()})

    kin = {other for other, igbp in types.items() if igbp == types[site]}
    folds, without = {ALL: ALL, OTHERS: site}, {OTHERS: {site}, OTHER_TYPES: kin}
    if types[site] in networks:
        folds[OTHER_TYPES] = types[site]
    elif kin == {site}:
        folds[OTHER_TYPES] = site
    for fitted_on, fold in folds.items():
        if fold not in networks:
            raise InputError(f"--network: no fold {fold}, needed for {site}")
        _check_unseen(networks[fold].values(), without.get(fitted_on, ()), f"fold {fold}")
    runs = {fold: joint(fold) for fold in dict.fromkeys(folds.values())}
    period = " ".join(map(str, test))
    table = Model(a_priori(record.attrs, record.reference_height, files["forcing"]), BulkFluxes())
    tables = [score_table(site, period, observed, {LAD: simulated({"": table})}).assign(fitted_on=NOTHING)]
    for fitted_on, fold in folds.items():
        tables.append(score_table(site, period, observed, {JOINT: runs[fold]}).assign(fitted_on=fitted_on))
    return pd.concat(tables, ignore_index=True)


def _check_unseen(paths: Collection[Path], without: Collection[str], label: str) -> None:
    """Raise InputError if one of the sites `without` was in the training of a network of the files."""
    for path in paths if without else ():
        for site in trained_on(path):
            if site in without:
                raise InputError(f"{path}: was trained on {site}, expected a network without it, {label}")


def beside(scores: pd.DataFrame, transfer: pd.DataFrame, own: str) -> pd.DataFrame:
    """What the networks are compared with: the lines fitted on other sites, and calibrated LaD and model `own` of the
    site itself. `scores` and `transfer` are the tables of the study. Raises InputError if there is no such model."""
    if own not in set(scores.model):
        raise InputError(
            f"--own {own}: expected a model of --scores, {', '.join(dict.fromkeys(scores.model))}"
        )
    fitted = scores[scores.model.isin([LAD, own])].assign(fitted_on=ITSELF)
    return pd.concat([transfer, fitted], ignore_index=True)[TRANSFER_COLUMNS]


def compared(own: str) -> dict[tuple[str, str], str]:
    """Model and what it was fitted on → its name, of all that stand side by side; `own` is the sites' own model."""
    return {
        (LAD, NOTHING): "LaD a priori",
        (JOINT, OTHER_TYPES): "joint, without its type",
        (JOINT, OTHERS): "joint, without it",
        (JOINT, ALL): "joint, with it",
        ("1lin", OTHERS): "1lin of the others",
        (LAD, ITSELF): label(LAD),
        (own, ITSELF): f"its own {own}",
    }


def joint_text(table: pd.DataFrame, own: str) -> str:
    """The scores of each target as Markdown: a row for each site, a column for each model and what it was fitted on."""
    columns = compared(own)
    rows = whole(table).set_index(["site", "target", "model", "fitted_on"])
    blocks = ["# One network for many towers\n", LEGEND]
    for target in TARGETS:
        for metric, (heading, form) in SHOWN.items():
            lines = [["site", *columns.values()]]
            for site in dict.fromkeys(table.site):
                keys = [(site, target, *column) for column in columns]
                cells = [form.format(rows[metric][key]) if key in rows.index else "-" for key in keys]
                lines.append([site, *cells])
            blocks.append(f"## {target}, {heading}\n\n{grid(lines)}\n")
    return "\n".join(blocks)


SHOWN = {"nse": ("NSE", "{:.2f}"), "rmse": ("RMSE, W m-2", "{:.1f}"), "bias": ("bias, W m-2", "{:+.1f}")}
LEGEND = """\
Test periods of each site; networks as mean flux of their seeds. LaD a priori has the table's parameters for cover and
soil and saw no flux. The joint network was trained on all other types of vegetation (the other sites, where no other
is of the site's type; a dash, where others are and their archives alone tell so), on all other sites, or on all. 1lin
is a line in shortwave radiation through the half-hours of the other sites. Calibrated LaD and the model of the last
column know this site alone.
"""
