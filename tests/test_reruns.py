"""What a changed setting makes again, at which sites: Snakemake's summary of two finished studies shows it."""

import re
from pathlib import Path

import pytest
import yaml
from test_workflow import BASELINES, SETTINGS, copy_tree, planned, snakemake

from lad.plan import Plan
from lad.towers.sites import read_rows

STUDIES = ["demo", "paper"]
MULTI_SITE = (
    "multi_site: {studies: [paper]}"  # a network for its two sites, which the paper does not have by itself
)
WITH_NETWORK = ["--configfile", "multi_site.yaml"]
ARCHIVES = [
    "AMF_US-Me2_BASE-BADM_19-5.zip",
    "AMF_US-Wkg_FLUXNET_2004-2025_v1.3_r1.zip",
]
TRAIN = [f"train/{model}" for model in SETTINGS["models"]]
SIMULATE = [f"simulate/{model}" for model in SETTINGS["models"]]
FIT = ["calibrate", *TRAIN, "train_through"]
FITTED = [f"baselines/{name}" for name in SETTINGS["baselines"]]
MULTI_SITE_STEPS = ["train_multi_site", "evaluate_multi_site"]

ALL = ["US-CRT", "US-Me2", "US-Wkg"]
BOTH = [*ALL, "paper"]  # also what is trained for the sites together
WKG, ME2 = ["US-Wkg"], ["US-Me2"]

CHANGES = [  # settings, sites or studies, what is the first to be made again
    ("training: {batch: 5}", BOTH, [*TRAIN, "train_through", "train_multi_site"]),
    ("models: {residual: {hidden: [8]}}", BOTH, ["train/residual", "train_multi_site"]),
    ("models: {mlp: {training: {weight_decay: 0.5}}}", ALL, ["train/mlp", "train_through"]),
    ("calibration: {steps: 4}", ALL, ["calibrate"]),
    ("calibration: {loss: sum}", ALL, ["calibrate", "landscape"]),
    ("seeds: 3", ALL, [*TRAIN, "train_through", "baselines/ann", "baselines/lstm"]),
    ("baselines: [mean, 1lin]", ALL, ["evaluate"]),
    ("simulation: {spinup_passes: 1}", BOTH, [*SIMULATE, "simulate_bulk", "daemons", "evaluate_multi_site"]),
    ("simulation: {integrator: fast-2}", BOTH, [*FIT, *SIMULATE, "simulate_bulk", *MULTI_SITE_STEPS]),
    ("solvers: {days: 60}", ME2, ["solvers"]),
    ("daemons: {model: mlp_nostate}", WKG, ["train_through", "daemons"]),
    ("landscape: {along: [rs]}", WKG, ["landscape"]),
    (
        "sites: {US-Wkg: {test: [[2020-01-01, 2020-12-31]]}}",
        WKG,
        ["periods", "evaluate", "figures", "sanity", "daemons"],
    ),
    ("sites: {US-Me2: {train: [[2013-01-01, 2015-12-31]]}}", ME2, ["periods", *FIT, *FITTED, "evaluate", "response"]),
    ("sites: {US-Wkg: {metadata: {canopy_height: 1}}}", WKG, ["fetch", "gapfill"]),
    ("studies: {demo: [US-CRT, US-Wkg]}", ["demo"], ["gather", "transfer", "curves"]),
    ("multi_site: {training: {steps: 5}}", ["paper"], ["train_multi_site"]),
    ("multi_site: {attributes: [rs]}", ["paper"], ["train_multi_site"]),
    ("multi_site: {seeds: 2}", ["paper"], ["train_multi_site"]),
    ("multi_site: {model: mlp}", ["paper"], ["train_multi_site"]),
    ("sites: {US-Abc: {}}", [], []),
    ("fetch: {ameriflux: 'https://moved.org/', user: me, plumber2: 'https://too.org/', snapshot: my.csv}", [], []),
]  # fmt: skip
FAST = 3  # of these are tried where slow tests are skipped


def summary(folder: Path, *args: str) -> list[dict[str, str]]:
    """Snakemake's summary of the files of both studies, by column."""
    result = snakemake(folder, *STUDIES, "--detailed-summary", *WITH_NETWORK, *args)
    assert result.returncode == 0, result.stderr
    columns, *rows = [line.split("\t") for line in result.stdout.splitlines()]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def made_by(row: dict[str, str]) -> tuple[str, str]:
    """(site or study, rule) of a file; of some rules with the model or baseline."""
    _, place, *rest = row["output_file"].split("/")
    step = re.sub("_of_seeds$", "", row["rule"])
    return place, f"{step}/{Path(rest[1]).stem}" if step in ("train", "simulate", "baselines") else step


def made_again(folder: Path, *args: str) -> set[tuple[str, str]]:
    """What makes the files that a run would make."""
    return {made_by(row) for row in summary(folder, *args) if row["plan"] == "update pending"}


@pytest.fixture(scope="module")
def studies(root, tmp_path_factory) -> tuple[Path, dict[tuple[str, str], set[tuple[str, str]]]]:
    """A copy with a stand-in for every result of both studies, and what makes them → what follows directly."""
    tree = copy_tree(root, tmp_path_factory.mktemp("reruns") / "tree")
    (tree / "archives").mkdir()
    for name in ARCHIVES:
        (tree / "archives" / name).write_text("-")
    (tree / "multi_site.yaml").write_text(MULTI_SITE, encoding="utf-8")
    for row in summary(tree):
        place = tree / row["output_file"]
        place = place / "a.zip" if place.name == "archive" else place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"this is {place.name}\n", encoding="utf-8")
    result = snakemake(tree, *STUDIES, "--touch", "--forceall", *WITH_NETWORK)
    assert result.returncode == 0, result.stderr
    rows = summary(tree)
    makers, followers = (
        {row["output_file"]: made_by(row) for row in rows},
        {made_by(row): set() for row in rows},
    )
    for row in rows:
        for file in makers.keys() & {*row["input-file(s)"].split(",")}:
            followers[makers[file]].add(made_by(row))
    return tree, followers


def all_from(places, first, followers) -> set[tuple[str, str]]:
    """The steps `first` at the places, and what follows from them."""
    expected, todo = set(), [(place, step) for place in places for step in first]
    while todo:
        made = todo.pop()
        if made in followers and made not in expected:
            expected.add(made)
            todo += followers[made]
    return expected


def test_rules_make_what_the_plan_names(studies):
    tree, _ = studies
    settings = SETTINGS | {"multi_site": SETTINGS["multi_site"] | yaml.safe_load(MULTI_SITE)["multi_site"]}
    settings |= {"studies": {name: SETTINGS["studies"][name] for name in STUDIES}}
    plan = Plan(settings, [read_rows()])
    files = {*plan.networks("paper").values()}
    for study in STUDIES:
        files |= {*plan.histories(study).values(), *plan.reported_simulations(study).values()}
        for site in plan.members[study]:
            files |= {*plan.scored(site).values(), *plan.trained_models(site).values()}
    for site in SETTINGS["daemons"]["sites"]:
        files |= {*plan.trained_through(site).values()}
    made = {row["output_file"] for row in summary(tree)}
    assert files <= made
    folders = "|".join(["train", "simulate", "baselines", "daemons/[^/]+", "train_multi_site"])
    assert {
        file for file in made if re.match(rf"results/[^/]+/({folders})/.*\.(nc|eqx|history.csv)$", file)
    } <= files


@pytest.mark.parametrize(
    "change, places, first",
    [
        pytest.param(*own, id=own[0], marks=[pytest.mark.slow] if n >= FAST else [])
        for n, own in enumerate(CHANGES)
    ],
)
def test_a_setting_reruns_exactly_what_depends_on_it(studies, tmp_path, change, places, first):
    tree, followers = studies
    overlay = tmp_path / "change.yaml"
    overlay.write_text(change, encoding="utf-8")
    assert made_again(tree, str(overlay)) == all_from(places, first, followers)


def test_a_site_made_again_touches_only_its_own_files(studies):
    tree, _ = studies
    result = snakemake(tree, "-n", "--forceall", "US-Wkg")
    plan = planned(result)
    assert plan["baselines"] + plan["baselines_of_seeds"] == BASELINES
    assert plan.keys() > {"fetch", "daemons", "landscape", "report", "US-Wkg"} and "solvers" not in plan
    messages = re.findall(r"^Job \d+: (.*)$", result.stdout + result.stderr, re.MULTILINE)
    assert len(messages) >= sum(plan.values()) and all(message.startswith("US-Wkg: ") for message in messages)
    files = [line.split("\t")[0] for line in snakemake(tree, "US-Wkg", "--summary").stdout.splitlines()[1:]]
    assert len(files) > sum(plan.values()) and all(file.startswith("results/US-Wkg/") for file in files)
    assert "for copy in ; do" in snakemake(tree, "-n", "-p", "US-Wkg").stdout  # no other place has its page


def test_a_network_for_many_towers_that_is_gone_is_trained_again(studies):
    tree, _ = studies
    network = tree / "results/paper/train_multi_site/all/seed0.eqx"
    kept = network.read_bytes()
    network.unlink()
    assert planned(snakemake(tree, "-n", "paper", *WITH_NETWORK))["train_multi_site"] == 1
    network.write_bytes(kept)


@pytest.mark.slow
def test_a_network_for_many_towers_that_fails_costs_the_report_nothing_else(studies):
    tree, _ = studies
    for network in tree.glob("results/paper/train_multi_site/*/seed0.eqx"):
        network.unlink()
    result = snakemake(tree, "paper", *WITH_NETWORK, "--set-resources", "train_multi_site:launch=false")
    assert result.returncode != 0
    # The page is made of stand-ins here, so that it fails too, and Snakemake shows how it was called.
    (called,) = re.findall(r"^ *lad report .*$", result.stdout + result.stderr, re.MULTILINE)
    (why,) = re.findall(r"--missing paper='(.*?)'", called)
    folds = {
        f"train_multi_site failed, see logs/paper/train_multi_site/{fold}.log" for fold in ("all", *WKG, *ME2)
    }
    assert set(why.split("; ")) == folds and "results/paper/multi_site" not in called
    assert not list(tree.glob("results/paper/multi_site*"))  # scores of the networks before
    plan = planned(snakemake(tree, "-n", "paper", *WITH_NETWORK))
    assert [plan[name] for name in ("train_multi_site", "evaluate_multi_site", "report")] == [3, 1, 1]


@pytest.mark.slow
def test_a_changed_flux_law_of_ones_own_trains_its_model_again(studies, tmp_path):
    tree, _ = studies
    settings = tmp_path / "own.yaml"
    settings.write_text('models: {mine: {law: "my_law:Mine"}}', encoding="utf-8")
    law = tree / "my_law.py"
    law.write_text("from lad.fluxes import BulkFluxes as Mine\n", encoding="utf-8")
    folder = tree / "results/US-Wkg/train/mine"
    folder.mkdir(parents=True)
    for name in ("history.csv", *(f"seed{seed}.eqx" for seed in range(SETTINGS["seeds"]))):
        (folder / name).write_text("-", encoding="utf-8")
    target = [str((folder / "history.csv").relative_to(tree)), "--configfile", str(settings)]
    assert snakemake(tree, *target, "--touch").returncode == 0
    assert planned(snakemake(tree, "-n", *target)) == {}
    law.write_text("from lad.fluxes import BulkFluxes\n\nMine = BulkFluxes\n", encoding="utf-8")
    assert planned(snakemake(tree, "-n", *target)) == {"train": 1}
