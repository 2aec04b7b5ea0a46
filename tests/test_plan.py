"""The plan: what sites, studies, folds and reports consist of."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lad import step_code
from lad.errors import InputError
from lad.evaluation.models import MOST_SITES
from lad.failures import Job, failures, tables_left
from lad.plan import Plan
from lad.step_code import code

PERIODS = {
    "train": [["2001-01-01", "2001-12-31"], ["2003-01-01", "2003-12-31"]],
    "validation": [["2001-07-01", "2001-07-10"]],
    "test": [["2002-01-01", "2002-12-31"]],
}
MANY = [f"XX-{number:03d}" for number in range(MOST_SITES + 1)]


def settings(**changes) -> dict:
    """Settings of four sites, three of them a study; as `lad.settings.study.checked` returns them."""
    return {
        "archives": "archives",
        "sites": {"XX-Aaa": PERIODS, "XX-Bbb": {}, "XX-Ccc": {}, "XX-Ddd": {}},
        "studies": {"one": ["XX-Aaa"], "three": ["XX-Aaa", "XX-Bbb", "XX-Ccc"], "none": []},
        "models": {
            "mlp": {"law": "mlp", "states": True, "hidden": [8]},
            "blind": {"law": "mlp", "states": False, "hidden": [8]},
            "small": {"law": "mlp", "states": False, "hidden": [4], "training": {"steps": 7}},
        },
        "ensembles": {"both": ["mlp", "small"]},
        "seeds": 2,
        "baselines": ["mean", "ann"],
        "training": {"steps": 100, "batch": 4},
        "simulation": {"integrator": "fast-1"},
        "solvers": {"sites": ["XX-Bbb"]},
        "daemons": {"sites": ["XX-Aaa"], "model": "mlp", "integrators": ["split-1", "fast-1"]},
        "multi_site": {"studies": [], "seeds": 2},
        "years": {
            "XX-Aaa": [
                {"train": [2003, 2006], "judge": [2007, 2008]},
                {"train": [2004, 2004], "judge": [2009, 2009]},
            ]
        },
    } | changes


def igbp(**classes: str) -> list[dict]:
    """A table of sites with their IGBP classes."""
    return [{f"XX-{site}": {"igbp": name} for site, name in classes.items()}]


ONE_NETWORK = Plan(
    settings(multi_site={"studies": ["three"], "seeds": 2}), igbp(Aaa="ENF", Bbb="GRA", Ccc="GRA", Ddd="CRO")
)
PLAN = Plan(settings())


def test_neither_jax_nor_snakemake_is_imported(root):
    check = "import sys, lad.plan; sys.exit(bool({'jax', 'snakemake'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], cwd=root).returncode == 0


def test_each_site_is_a_study_too():
    assert PLAN.studies == {site: [site] for site in PLAN.settings["sites"]} | PLAN.settings["studies"]
    assert PLAN.members == PLAN.studies


def test_only_the_sites_of_an_experiment_have_it():
    assert PLAN.having("solvers", PLAN.members["three"]) == ["XX-Bbb"]
    assert PLAN.having("figures", PLAN.members["three"]) == PLAN.members["three"]


@pytest.mark.parametrize("step, remains", [("evaluate", False), ("periods", False), ("figures", True)])
def test_a_study_goes_without_the_site_that_has_no_scores(step, remains):
    left = replace(PLAN, failed={"XX-Bbb": {"steps": [step], "why": "it failed"}})
    assert ("XX-Bbb" in left.members["three"]) is remains
    assert left.missing("three") == ([] if remains else ["XX-Bbb"])
    assert "XX-Bbb" not in left.having(step, ["XX-Aaa", "XX-Bbb"])
    assert left.members["one"] == ["XX-Aaa"]


def test_a_study_without_any_site_has_no_table():
    assert PLAN.gathered("three") == PLAN.members["three"]
    with pytest.raises(InputError, match=r"^studies.none: no archive of a tower in the folder archives, put"):
        PLAN.gathered("none")


def test_every_model_seed_and_baseline_of_a_site_is_scored():
    models = {f"{model}/{seed}" for model in PLAN.settings["models"] for seed in (0, 1)}
    assert PLAN.trained_models("XX-Aaa").keys() == models
    assert PLAN.simulations("XX-Aaa").keys() == models | {"bulk"}
    assert PLAN.baselines("XX-Aaa").keys() == {
        "mean",
        "ann/0",
        "ann/1",
    }  # only of random weights there are seeds
    scored = PLAN.scored("XX-Aaa")
    assert scored.keys() == models | {"bulk", "mean", "ann/0", "ann/1", "both"}
    assert PLAN.members_of("XX-Aaa", "both").keys() == {"mlp/0", "mlp/1", "small/0", "small/1"}
    assert len(set(scored.values())) == len(scored)
    assert all(file.startswith("results/XX-Aaa/") and file.endswith(".nc") for file in scored.values())
    assert scored["blind/1"] == "results/XX-Aaa/simulate/blind/seed1.nc"
    assert scored["ann/1"] == "results/XX-Aaa/baselines/ann/seed1.nc"


def test_a_fold_of_years_has_the_validation_of_the_site_in_its_years_of_training():
    assert PLAN.left_out("XX-Bbb") == {}
    files = {fold: f"results/XX-Aaa/years/{fold}.csv" for fold in ("2007-2008", "2009-2009")}
    assert PLAN.left_out("XX-Aaa") == files
    expected = "--train 2003-01-01:2006-12-31 --validation 2003-07-01:2003-07-10 --test 2007-01-01:2008-12-31"
    assert PLAN.fold_options("XX-Aaa", "2007-2008") == expected
    blocks = [["2001-02-20", "2001-02-29"], ["2003-05-01", "2003-05-21"], ["2004-12-25", "2005-01-03"]]
    own = Plan(settings(sites={"XX-Aaa": PERIODS | {"validation": blocks}}))
    validation = "2003-02-20:2003-02-28 2004-05-01:2004-05-21 2005-12-25:2005-12-31"
    assert f" --validation {validation} --test" in own.fold_options("XX-Aaa", "2007-2008")
    assert "2004-05-01:2004-05-21" in own.fold_options("XX-Aaa", "2009-2009")
    with pytest.raises(InputError, match=r"^results/XX-Aaa/years/1.csv: expected 2007-2008, 2009-2009$"):
        PLAN.fold_options("XX-Aaa", "1")
    with pytest.raises(InputError, match=r"years/1.csv: expected years.XX-Bbb in the settings"):
        PLAN.fold_options("XX-Bbb", "1")


def test_confirmation_takes_the_place_of_the_test():
    own = Plan(
        settings(
            sites={"XX-Aaa": PERIODS | {"confirmation": [["2010-01-01", "2010-12-31"]]}, "XX-Bbb": PERIODS}
        )
    )
    assert own.with_confirmation() == ["XX-Aaa"]
    learning = own.period_options("XX-Aaa", ["train", "validation"])
    found = own.period_options("XX-Aaa", ["train", "validation", "test"], "confirmation")
    assert found == f"{learning} --test 2010-01-01:2010-12-31"
    with pytest.raises(InputError, match=r"^XX-Bbb: expected sites.XX-Bbb.confirmation in the settings$"):
        own.period_options("XX-Bbb", ["test"], "confirmation")
    with pytest.raises(InputError, match=r"^confirmation: expected sites.SITE.confirmation"):
        PLAN.with_confirmation()


def test_network_trained_through_the_common_solver_is_the_model_itself():
    files = PLAN.trained_through("XX-Aaa")
    assert files["fast-1/1"] == PLAN.trained_models("XX-Aaa")["mlp/1"]
    assert files["split-1/1"] == "results/XX-Aaa/daemons/split-1/seed1.eqx"
    coarse = {"steps": 100, "batch": 4, "integrator": "euler-1"}
    for change in ({"simulation": {"integrator": "fast-2"}}, {"training": coarse}):
        other = Plan(settings(**change)).trained_through("XX-Aaa")
        assert other["fast-1/1"] == "results/XX-Aaa/daemons/fast-1/seed1.eqx"


def test_what_a_model_is_and_how_it_is_trained_are_apart():
    assert PLAN.model_settings("small") == {"law": "mlp", "states": False, "hidden": [4]}
    assert PLAN.training_settings("small") == {"steps": 7, "batch": 4}
    assert PLAN.training_settings("mlp") == PLAN.settings["training"]


def test_knock_out_differs_in_the_states_alone():
    assert PLAN.knock_outs() == {"blind": "mlp"}  # small has no twin


def test_periods_are_those_of_the_settings_or_the_file_of_proposed_ones():
    assert not PLAN.proposes_periods("XX-Aaa") and PLAN.proposes_periods("XX-Bbb")
    assert (
        PLAN.period_options("XX-Aaa", ["train", "test"])
        == "--train 2001-01-01:2001-12-31 2003-01-01:2003-12-31 --test 2002-01-01:2002-12-31"
    )
    assert PLAN.period_options("XX-Bbb", ["test"]) == "--periods results/XX-Bbb/periods/periods.json"


def test_metadata_count_more_than_the_users_table_and_that_more_than_the_package():
    package = {"XX-Bbb": {"igbp": "ENF", "cover": "1"}, "XX-Ccc": {"igbp": "CRO"}}
    own = {"XX-Bbb": {"igbp": "GRA"}, "XX-Aaa": {"igbp": "WSA"}}
    sites = settings()["sites"] | {"XX-Aaa": {"metadata": {"igbp": "OSH"}}}
    plan = Plan(settings(sites=sites), [package, own])
    assert plan.row("XX-Bbb") == {"igbp": "GRA", "cover": "1"}
    assert [plan.igbp(site) for site in sites] == ["OSH", "GRA", "CRO", None]


def many_sites() -> Plan:
    return Plan(settings(sites={site: {} for site in MANY}, studies={"big": MANY, "few": MANY[:MOST_SITES]}))


def test_a_report_shows_its_sites_or_points_to_their_pages():
    plan = many_sites()
    assert plan.detailed("few") == MANY[:MOST_SITES] and plan.pages("few") == {}
    assert plan.detailed("big") == [] and plan.reported_simulations("big") == {}
    assert plan.pages("big") == {site: f"results/{site}/report.html" for site in MANY}
    simulations = plan.reported_simulations("few")
    assert len(simulations) == MOST_SITES * len(plan.drawn(MANY[0]))
    assert simulations[f"{MANY[1]}/mlp/0"] == plan.simulations(MANY[1])["mlp/0"]


def test_one_baseline_stands_in_the_figures():
    drawn = PLAN.drawn("XX-Aaa")
    assert {name.partition("/")[0] for name in drawn} == {"ann", "bulk", *PLAN.settings["models"]}
    assert set(PLAN.simulations("XX-Aaa")) < set(drawn)
    few = Plan(PLAN.settings | {"baselines": ["1lin", "3km27"]}).drawn("XX-Aaa")
    assert few["3km27"] == "results/XX-Aaa/baselines/3km27.nc" and "1lin" not in few
    assert Plan(PLAN.settings | {"baselines": []}).drawn("XX-Aaa") == PLAN.simulations("XX-Aaa")


def test_histories_are_those_of_all_trainings():
    assert len(many_sites().histories("big")) == len(MANY) * len(PLAN.settings["models"])
    assert PLAN.histories("one")["XX-Aaa/mlp"] == "results/XX-Aaa/train/mlp/history.csv"


MARKED = [
    ("gather", "results/{study}/scores.csv"),
    ("evaluate_multi_site", "results/{study}/multi_site.md"),
    ("solvers", "results/{site}/solvers/table.csv"),
    ("figures", "results/{site}/figures/target.png"),
]


def test_a_report_has_what_its_study_and_sites_have():
    files = PLAN.reported_files("three", MARKED)
    assert ("XX-Bbb", "results/XX-Bbb/solvers/table.csv") in files
    assert not [file for site, file in files if site != "XX-Bbb" and "solvers" in file]
    assert not [
        file for section, file in files if section == "study"
    ]  # neither the scores nor the one network
    for site in PLAN.members["three"]:
        assert (site, f"results/{site}/figures/target.png") in files
        assert (site, f"results/{site}/calibrate/parameters.json") in files
    left = replace(PLAN, failed={"XX-Aaa": {"steps": ["figures"], "why": ""}}).reported_files("three", MARKED)
    assert {*files} - {*left} == {("XX-Aaa", "results/XX-Aaa/figures/target.png")}
    assert ("study", "results/three/multi_site.md") in ONE_NETWORK.reported_files("three", MARKED)


def test_folds_leave_out_each_site_and_each_class_of_several():
    members = PLAN.members["three"]
    folds = ONE_NETWORK.folds("three")
    assert folds == {
        "all": members,
        **{left: [site for site in members if site != left] for left in members},
        "GRA": ["XX-Aaa"],  # ENF is the fold XX-Aaa
    }
    assert len(ONE_NETWORK.networks("three")) == 2 * len(folds)
    assert ONE_NETWORK.networks("three")["GRA/1"] == "results/three/train_multi_site/GRA/seed1.eqx"
    assert ONE_NETWORK.trained_on("three", "XX-Bbb") == ["XX-Aaa", "XX-Ccc"]
    with pytest.raises(
        InputError, match=r"^results/three/train_multi_site/ENF: expected one of all, XX-Aaa, .*, GRA$"
    ):
        ONE_NETWORK.trained_on("three", "ENF")


def test_fine_tuning_takes_the_last_years_of_training_with_four_blocks_of_validation_a_year():
    several = {"studies": ["three"], "seeds": 2, "fine_tuning": {"sites": {"XX-Aaa": [1, 2], "XX-Ddd": [1]}}}
    plan = replace(ONE_NETWORK, settings=settings(multi_site=several))
    files = {f"XX-Aaa/{years}": f"results/three/fine_tuning/XX-Aaa/{years}.csv" for years in (1, 2)}
    assert plan.fine_tuned("three") == files  # XX-Ddd is not of the study
    assert plan.fine_tuned("one") == {} and plan.shows("fine_tuning", "three")
    blocks = [
        [f"{year}-{month}-01", f"{year}-{month}-20"]
        for year in (2005, 2006)
        for month in ("02", "05", "08", "11")
    ]
    own = PERIODS | {"train": [["2004-03-01", "2006-12-31"]], "validation": blocks}
    plan = replace(
        plan, settings=settings(sites={"XX-Aaa": own}, studies={}, multi_site=several | {"studies": []})
    )
    found = plan.last_years("XX-Aaa", 1).partition(" --test ")
    assert found[0].startswith("--train 2006-01-01:2006-12-31 --validation 2006-02-01:2006-02-20 2006-05-")
    assert (
        found[0].count("2006-0") + found[0].count("2006-1") == 2 + 2 * 4
        and found[2] == "2002-01-01:2002-12-31"
    )
    assert plan.last_years("XX-Aaa", 2).count(":") == 1 + 8 + 1
    for site, years, expected in (("XX-Aaa", 3, "one of 1, 2"), ("XX-Bbb", 1, "a site of the settings")):
        with pytest.raises(InputError, match=f"{site} does not have {years}, expected {expected}"):
            plan.last_years(site, years)


@pytest.mark.parametrize("failed", ["fine_tune", "fine_tuning", "train_multi_site"])
def test_a_failed_fine_tuning_costs_the_network_of_all_nothing(failed):
    several = {"studies": ["three"], "seeds": 2, "fine_tuning": {"sites": {"XX-Aaa": [1]}}}
    plan = replace(
        ONE_NETWORK, settings=settings(multi_site=several), failed={"three": {"steps": [failed], "why": "x"}}
    )
    assert (
        plan.trains_network("three")
        == plan.shows("evaluate_multi_site", "three")
        == failed.startswith("fine")
    )
    assert not plan.shows("fine_tuning", "three")


def test_sites_of_one_class_are_not_left_out_together():
    plan = replace(ONE_NETWORK, tables=igbp(Aaa="GRA", Bbb="GRA", Ccc="GRA"))
    assert plan.folds("three").keys() == {"all", *plan.members["three"]}


@pytest.mark.parametrize(
    "classes, message",
    [
        ({"Aaa": "ENF"}, "multi_site.studies: three: the IGBP class of XX-Bbb, XX-Ccc is not .* sites.XX-Bbb.met"),
    ],
)  # fmt: skip
def test_one_network_needs_the_class_of_each_site(classes, message):
    with pytest.raises(InputError, match=f"^{message}"):
        replace(ONE_NETWORK, tables=igbp(**classes))


@pytest.mark.parametrize(
    "failed", [{"XX-Bbb": {"steps": ["evaluate"]}}, {"three": {"steps": ["train_multi_site"]}}]
)
def test_one_network_is_trained_on_all_sites_of_its_study_or_not_at_all(failed):
    assert ONE_NETWORK.trains_network("three") and not ONE_NETWORK.trains_network("one")
    assert not replace(ONE_NETWORK, failed=failed).trains_network("three")


AAA, BBB, THREE = {"site": "XX-Aaa"}, {"site": "XX-Bbb"}, {"study": "three"}
UNFINISHED = [
    Job("train", BBB | {"model": "mlp"}),
    Job("evaluate", BBB),
    Job("gather", {"study": "XX-Bbb"}, ["results/XX-Bbb/scores.csv"]),
    Job("gather", THREE, ["results/three/scores.csv"]),
    Job("train_multi_site", THREE | {"fold": "all"}),
    Job("evaluate_multi_site", THREE, ["results/three/multi_site.csv"]),
    Job("three", {}),
]
STUDY_STEPS = ["gather", "report", "train_multi_site", "evaluate_multi_site"]


def test_failures_name_step_and_log():
    failed = [Job("train", BBB | {"model": "mlp"}, log=["logs/a.log"]), Job("gather", {"study": "one"})]
    assert failures(PLAN, UNFINISHED, failed) == {
        "XX-Bbb": {"steps": ["train", "evaluate"], "why": "train failed, see logs/a.log"},
        "three": {"steps": ["train_multi_site", "evaluate_multi_site"], "why": "no multi-site network"},
    }
    found = failures(PLAN, UNFINISHED, [*failed, Job("evaluate", BBB, log=["b.log"])], ["run.log"])
    assert (
        found["XX-Bbb"]["why"]
        == "train failed, see logs/a.log and run.log; evaluate failed, see b.log and run.log"
    )
    assert failures(PLAN, UNFINISHED[:2], [])["XX-Bbb"]["why"] == "was not finished"


def test_tables_are_made_of_the_sites_left():
    found = failures(PLAN, UNFINISHED, [])
    targets, rules = tables_left(PLAN, UNFINISHED, found, STUDY_STEPS)
    assert targets == ["results/three/scores.csv", "three"]  # none of XX-Bbb, no network
    assert {*rules} == {"gather", "report", "three"}
    everywhere = {site: {"steps": ["evaluate"], "why": ""} for site in PLAN.members["three"]}
    assert tables_left(PLAN, UNFINISHED, everywhere, STUDY_STEPS)[0] == []


def test_code_of_a_step_is_all_that_it_imports(tmp_path, monkeypatch):
    files = {
        "lad/__init__.py": "",
        "lad/steps/__init__.py": "",
        "lad/steps/go.py": "import os\nimport lad.sub.deep\nfrom lad import one\n",
        "lad/one.py": "def later():\n    from lad.two import THING\n",
        "lad/two.py": "from lad.one import later\n",
        "lad/sub/__init__.py": "",
        "lad/sub/deep.py": "from ladder import missing\n",
        "lad/other.py": "",
        "ladder.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(step_code, "_imports", step_code._imports.__wrapped__)
    assert code.__wrapped__("go") == sorted(files.keys() - {"lad/other.py", "ladder.py"})


def test_no_step_reruns_for_a_change_of_the_plan(root, monkeypatch):
    monkeypatch.chdir(root)
    workflow = {
        "lad/plan.py",
        "lad/step_code.py",
        "lad/snakemake_internals.py",
        "lad/launch.py",
        "lad/lock.py",
    }
    for step in Path("lad/steps").glob("[a-z]*.py"):
        files = code(step.stem)
        assert str(step) in files and not workflow & {*files}


def test_a_law_of_ones_own_is_its_module_or_all_of_its_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for name in ("alone.py", "mine/__init__.py", "mine/laws.py"):
        (tmp_path / name).touch()
    laws = {"a": "alone:Law", "b": "mine:Law", "c": "mine.laws:Law", "d": "installed:Law", "e": "mlp"}
    plan = Plan(settings(models={name: {"law": law} for name, law in laws.items()}))
    package = ["mine/__init__.py", "mine/laws.py"]
    assert [plan.law_module(name) for name in laws] == [["alone.py"], package, package, [], []]
