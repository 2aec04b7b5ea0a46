"""Scores of a multi-site network at each site: trained with it, without it, and without all of its type."""

import functools
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lad.errors import InputError
from lad.evaluation.bootstrap import differences, draw
from lad.evaluation.experiments import run_freely
from lad.evaluation.scores import (
    ALL,
    ITSELF,
    MULTI_SITE,
    NOTHING,
    OTHER_TYPES,
    OTHERS,
    TRANSFER_COLUMNS,
    full_name,
    score_table,
)
from lad.evaluation.series import Simulated
from lad.fluxes import BulkFluxes
from lad.model import Model
from lad.observations import read_observed
from lad.periods import Periods, check_unseen, mask
from lad.site_files import record_of
from lad.training.files import load_hybrid, training_record
from lad.training.sites import Anchor, a_priori, unseen_anchor

Networks = Mapping[str, Mapping[str, Path]]
"""Fold → seed → file. A fold is `all`, or what was left out: a site or an IGBP class."""


class SiteScores(NamedTuple):
    """Scores of one site: rows of `TRANSFER_COLUMNS`, and differences; model names state what they were fitted on."""

    scores: pd.DataFrame
    differences: pd.DataFrame


def multi_site_scores(
    site: str,
    files: Mapping[str, Path],
    periods: Mapping[str, Periods],
    networks: Networks,
    types: Mapping[str, str],
    lines: Mapping[str, Simulated],
    solver,
    passes: int,
) -> SiteScores:
    """Scores of LaD with the table's parameters and of the networks on the test half-hours of a site.

    `files` are forcing and observations; `types` the IGBP class of all sites; `lines` the fluxes of baselines that were
    fitted on the others. `fitted_on` is one of `nothing`, `all`, `others` (leave-one-site-out) and `other types`
    (leave-one-type-out). If no other site is of its class, the last two are the same network; if others are, but no
    fold is without them, the last has no rows. Raises InputError if a fold is missing or was trained on what it should
    leave out, and for a test period that overlaps another.
    """
    check_unseen(**periods)
    test = periods["test"]
    record = record_of(site, files["forcing"])
    observed = read_observed(files["observations"], site).during(test, files["observations"])
    inside = mask(record.time, test)

    def simulated(models: Mapping[str, Model]) -> Simulated:
        return run_freely(models, solver, record, inside, passes)

    @functools.cache
    def here(attributes: tuple[str, ...], root_zone: str | None) -> Anchor:
        return unseen_anchor(files["forcing"], record.reference_height, attributes, root_zone)

    def placed(path: Path) -> Model:
        hybrid, settings = load_hybrid(path)
        return hybrid.at(here(settings.attributes, settings.root_zone))

    def run_of(fold: str) -> Simulated:
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
    runs = {fold: run_of(fold) for fold in dict.fromkeys(folds.values())}
    table = Model(a_priori(record.attrs, record.reference_height, files["forcing"]), BulkFluxes())
    groups: dict[str, dict[str, Simulated]] = {NOTHING: {"bulk": simulated({"": table})}}
    groups |= {fitted_on: {MULTI_SITE: runs[fold]} for fitted_on, fold in folds.items()}
    groups[OTHERS] |= lines
    period = " ".join(map(str, test))
    tables = [
        score_table(site, period, observed, models).assign(fitted_on=fitted_on)
        for fitted_on, models in groups.items()
    ]
    drawn = draw(
        observed,
        {full_name(model, on): run for on, models in groups.items() for model, run in models.items()},
    )
    return SiteScores(pd.concat(tables, ignore_index=True), differences(site, drawn))


def _check_unseen(paths: Collection[Path], without: Collection[str], label: str) -> None:
    """Raise InputError if one of the sites `without` was in the training of a network of the files."""
    for path in paths if without else ():
        trained_on = training_record(path).get("sites")
        if not trained_on:
            raise InputError(
                f"{path}: does not state the sites of its training, expected a file of lad train"
            )
        for site in trained_on:
            if site in without:
                raise InputError(f"{path}: was trained on {site}, expected a network without it, {label}")


def of_sites_alone(scores: pd.DataFrame, own: str) -> pd.DataFrame:
    """Scores of calibrated LaD and of model `own`, which know only the site itself, from the table of the study.

    Raises InputError if there is no such model.
    """
    if own not in set(scores.model):
        raise InputError(
            f"--own {own}: expected a model of --scores, {', '.join(dict.fromkeys(scores.model))}"
        )
    return scores[scores.model.isin(["bulk", own])].assign(fitted_on=ITSELF)[TRANSFER_COLUMNS]
