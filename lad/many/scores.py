"""What a network for many towers is worth at each: trained with it, without it, and without all of its kind."""

import functools
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from lad.errors import InputError
from lad.evaluation.differences import differences, draw
from lad.evaluation.free_runs import run_freely
from lad.evaluation.models import label
from lad.evaluation.scores import OTHERS, TRANSFER_COLUMNS, score_table, single_seeds, whole
from lad.evaluation.series import Simulated
from lad.evaluation.study import KEYS, gain, signed, sure
from lad.evaluation.table import grid
from lad.fluxes import BulkFluxes
from lad.model import Model
from lad.observations import TARGETS, read_observed
from lad.periods import Periods, check_disjoint, mask
from lad.site_files import record_of
from lad.training.files import load_hybrid, training_record
from lad.training.sites import Anchor, a_priori, unseen_anchor

ALL = "all"
JOINT, LAD = "joint", "bulk"
NOTHING, ITSELF, OTHER_TYPES = "nothing", "itself", "other types"
Networks = Mapping[str, Mapping[str, Path]]
"""Fold → seed → file. A fold is `all`, or what was left out: a site or an IGBP class."""
LEFT_OUT = (JOINT, OTHERS)
REFERENCES = [(LAD, NOTHING), ("1lin", OTHERS), ("3km27", OTHERS), (JOINT, ALL)]
"""What the network that did not see a site is compared with by intervals."""


class Scores(NamedTuple):
    """Of one site: rows of `TRANSFER_COLUMNS`, and their differences, models named with what they were fitted on."""

    scores: pd.DataFrame
    differences: pd.DataFrame


def full_name(model: str, fitted_on: str) -> str:
    """A model and what it was fitted on, as one name."""
    return f"{model} ({fitted_on})"


def joint_scores(
    site: str,
    files: Mapping[str, Path],
    periods: Mapping[str, Periods],
    networks: Networks,
    types: Mapping[str, str],
    lines: Mapping[str, Simulated],
    solver,
    passes: int,
) -> Scores:
    """Scores of LaD with the table's parameters and of the networks on the test half-hours of a site.

    `files` are forcing and observations; `types` the IGBP class of all sites; `lines` the fluxes of baselines that were
    fitted on the others. `fitted_on` is one of `nothing`, `all`, `others` (leave-one-site-out) and `other types`
    (leave-one-type-out). Where no other site is of its class the last two are the same network; where others are and no
    fold is without them, there are no rows of the last. Raises InputError if a fold is missing or was trained on what
    it is to be without, as for a test period that overlaps another.
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
    def here(*attributes: str) -> Anchor:
        return unseen_anchor(files["forcing"], record.reference_height, attributes)

    def placed(path: Path) -> Model:
        hybrid, settings = load_hybrid(path)
        return hybrid.at(here(*settings.attributes))

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
    table = Model(a_priori(record.attrs, record.reference_height, files["forcing"]), BulkFluxes())
    groups: dict[str, dict[str, Simulated]] = {NOTHING: {LAD: simulated({"": table})}}
    groups |= {fitted_on: {JOINT: runs[fold]} for fitted_on, fold in folds.items()}
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
    return Scores(pd.concat(tables, ignore_index=True), differences(site, drawn))


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


def known(scores: pd.DataFrame, own: str) -> pd.DataFrame:
    """Scores of calibrated LaD and of model `own`, which know the site alone, from the table of the study.

    Raises InputError if there is no such model.
    """
    if own not in set(scores.model):
        raise InputError(
            f"--own {own}: expected a model of --scores, {', '.join(dict.fromkeys(scores.model))}"
        )
    return scores[scores.model.isin([LAD, own])].assign(fitted_on=ITSELF)[TRANSFER_COLUMNS]


def compared(own: str) -> dict[tuple[str, str], str]:
    """Model and what it was fitted on → its name, of all that stand side by side; `own` is the sites' own model."""
    return {
        (LAD, NOTHING): "LaD a priori",
        ("1lin", OTHERS): "1lin of the others",
        ("3km27", OTHERS): "3km27 of the others",
        (JOINT, OTHER_TYPES): "joint, without its type",
        (JOINT, OTHERS): "joint, without it",
        (JOINT, ALL): "joint, with it",
        (LAD, ITSELF): label(LAD),
        (own, ITSELF): f"its own {own}",
    }


def joint_text(
    table: pd.DataFrame, differences: pd.DataFrame, own: str, trained: Mapping[str, Any] | None
) -> str:
    """The scores of each target as Markdown: a row for each site, a column for each model and what it was fitted on.

    `trained` are the settings of the training of the networks, if they tell them.
    """
    names = compared(own)
    rows = whole(table).set_index(["site", "target", "model", "fitted_on"])
    ends = differences.set_index(KEYS)
    sites = list(dict.fromkeys(table.site))
    blocks = ["# One network for many towers\n", LEGEND, _budget(table, own, trained)]
    for target in TARGETS:
        for metric, (heading, form) in SHOWN.items():
            lines = [["site", *names.values()]]
            for site in sites:
                keys = [(site, target, *model) for model in names]
                lines.append(
                    [site, *(form.format(rows[metric][key]) if key in rows.index else "-" for key in keys)]
                )
            blocks.append(f"## {target}, {heading}\n\n{grid(lines)}\n")
        lines = [["site", *(f"less {names[reference]}" for reference in REFERENCES)]]
        for site in sites:
            pairs = [(site, target, full_name(*LEFT_OUT), full_name(*reference)) for reference in REFERENCES]
            found = [gain(ends, pair, "rmse") for pair in pairs]
            lines.append([site, *(signed(*cell) + "*" * sure(*cell[1:]) if cell else "-" for cell in found)])
        blocks.append(f"## {target}, RMSE of the network without the site\n\n{GAINS}\n{grid(lines)}\n")
    return "\n".join(blocks)


def _budget(table: pd.DataFrame, own: str, trained: Mapping[str, Any] | None) -> str:
    """How many seeds, and steps on how many days, the networks are of."""
    members = single_seeds(table).groupby(["model", "fitted_on"]).seed.nunique()
    joint, alone = (int(members.get(key, 1)) for key in ((JOINT, ALL), (own, ITSELF)))
    told = f"Joint networks: {joint} seeds"
    if trained:
        days = f"{trained['window_days'][-1]:g} days of each site"
        told += f", at most {trained['steps']} steps on {trained['batch']} windows of {days}"
    return f"{told}. Its own {own}: {alone} seeds.\n"


SHOWN = {"nse": ("NSE", "{:.2f}"), "rmse": ("RMSE, W m-2", "{:.1f}"), "bias": ("bias, W m-2", "{:+.1f}")}
LEGEND = """\
Test periods of each site; networks as mean flux of their seeds. LaD a priori has the table's parameters for cover and
soil and saw no flux. 1lin and 3km27 are the regressions of PLUMBER through the half-hours of the other sites. The joint
network was trained on all other types of vegetation (leave-one-type-out; on the other sites, where none of them is of
the site's type), on all other sites (leave-one-site-out), or on all. Calibrated LaD and the model of the last column
know this site alone.
"""
GAINS = """\
Less that of another, W m-2: negative is better. 95 % intervals over weeks of the test period; * where zero lies
outside.
"""
