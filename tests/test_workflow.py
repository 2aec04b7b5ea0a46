"""The workflow: style, a refusal, what would run, and a whole small study."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from archives import product_rows, write_product
from service import Service

from lad.settings.study import checked

STUDY_STEPS = ["curves", "gather", "transfer", "overview", "report"]
SETTINGS = checked(yaml.safe_load((Path(__file__).parent.parent / "config.yaml").read_text(encoding="utf-8")))
SMALLER = yaml.safe_load((Path(__file__).parent / "config.yaml").read_text(encoding="utf-8"))["models"]
MODELS, BASELINES = len(SETTINGS["models"]), len(SETTINGS["baselines"])
TRAINED = MODELS - list(SMALLER.values()).count(None)  # in the small study
OFFLINE = dict.fromkeys(["http_proxy", "https_proxy"], "http://127.0.0.1:9")


def copy_tree(root: Path, folder: Path) -> Path:
    """A copy of what a user gets, without environment and results."""
    generated = (".venv", ".git", ".cache", ".snakemake", "results", "logs", "archives", "__pycache__")
    return shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*generated))


def started(folder: Path, *args: str, **environment: str) -> subprocess.Popen:
    """Snakemake in a copy of the project, with the modules of that copy."""
    environment = os.environ | {"PYTHONPATH": str(folder)} | environment
    command, pipe = [sys.executable, "-m", "snakemake", *args], subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def snakemake(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess:
    """What Snakemake said and how it ended."""
    with started(folder, *args, **environment) as run:
        out, err = run.communicate()
    return subprocess.CompletedProcess(run.args, run.returncode, out, err)


def launched(folder: Path, *args: str) -> subprocess.CompletedProcess:
    """What `./run` with these arguments said in a copy of the project and how it ended."""
    command, environment = (
        [sys.executable, "-m", "lad.launch", *args],
        os.environ | {"PYTHONPATH": str(folder)},
    )
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def planned(result: subprocess.CompletedProcess) -> dict[str, int]:
    """Number of jobs by rule in the output of a dry run."""
    assert result.returncode == 0, result.stderr
    if "Nothing to be done" in result.stdout + result.stderr:
        return {}
    printed = result.stdout + result.stderr
    if brief := re.search(r"^\d+ steps?, [^:]*: (.*?)\n\n", printed, re.MULTILINE | re.DOTALL):
        steps = [step.split()[::-1] for step in brief[1].split(",")]
        return {name: int(number[0]) if number else 1 for name, *number in steps}
    lines = printed.split("Job stats:\n")[1].split("\n\n")[0].splitlines()
    return {name: int(count) for name, count in map(str.split, lines[2:]) if name != "total"}


@pytest.fixture(scope="module")
def tree(root, tmp_path_factory) -> Path:
    return copy_tree(root, tmp_path_factory.mktemp("workflow") / "a copy")


def test_style(root):
    for command in ["ruff check", "ruff format --check", "snakefmt --check Snakefile workflow"]:
        result = subprocess.run(
            [sys.executable, "-m", *command.split()], cwd=root, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_lint(tree):
    accepted = {
        "Specify a conda environment or container for each rule.",  # all have the one of Snakemake itself
        "Mixed rules and functions in same snakefile.",  # a function stands beside the rule that uses it
    }
    result = snakemake(tree, "--lint")
    assert {*re.findall(r"^    \* (.*):$", result.stdout + result.stderr, re.MULTILINE)} == accepted


def test_refusal_is_one_line_and_a_status(tree, tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("training: {stepz: 3}\n", encoding="utf-8")
    result = snakemake(tree, "--dry-run", "--configfile", str(overlay))
    assert result.returncode != 0
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    assert len(errors) == 1
    assert errors[0].startswith(
        f"configuration: error: {overlay} line 1: training.stepz: no such key (did you mean steps?)"
    )
    assert "Traceback" not in result.stderr


def test_missing_archives_are_reported_before_anything_runs(tree):
    result = snakemake(tree, "demo", "paper", **OFFLINE)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    for site in ["US-Me2", "US-Wkg"]:
        (line,) = [line for line in result.stderr.splitlines() if line.startswith(site)]
        assert f"AMF_{site}_FLUXNET_" in line and "folder archives" in line
        assert line in snakemake(tree, "-n", site).stderr.splitlines()
    assert "US-CRT: collect the archives" not in result.stderr
    assert not (tree / "results").exists()


def test_without_target_few_models_are_trained(tree):
    for targets, models in [([], 2), (["demo"], 6)]:
        assert planned(launched(tree, *targets, "-n"))["train"] == models


def test_a_run_says_why_its_jobs_run_only_if_asked(root, tmp_path):
    tree = copy_tree(root, tmp_path / "tree")
    for options, reason in [
        ([], ""),
        (["-F", "--verbose"], "Reason: Forced execution"),
        (["-F", "-n"], "US-CRT: collect the archives (Forced execution)"),
    ]:
        result = launched(tree, "results/US-CRT/fetch/source.json", *options)
        assert result.returncode == 0, result.stderr
        printed = result.stdout + result.stderr
        assert "US-CRT: collect the archives" in printed
        assert reason in printed and ("Forced" in printed) == bool(reason)
        assert ("Select jobs" in printed) == ("--verbose" in options)


def test_a_plan_has_a_line_for_each_step(tree):
    plan = launched(tree, "-n")
    lines = plan.stdout.split("\n\n")[1].splitlines()
    assert sum(planned(plan).values()) == len(lines) - 1 and lines[0] == "US-CRT: collect the archives"
    assert lines[-1].startswith("This was a dry-run") and "Using workflow" not in plan.stderr
    assert "(" not in "".join(lines[:-1])  # nothing was made before: there is no reason to give


def test_a_run_has_a_line_for_each_step_that_begins_ends_or_fails(root, tmp_path):
    tree = copy_tree(root, tmp_path / "tree")
    said = launched(tree, "results/US-CRT/fetch/source.json").stderr
    assert re.search(r"\d\d:\d\d:\d\d  1 of 1 steps done: US-CRT: collect the archives\n", said)
    (tree / "data/AMF_US-CRT_BASE-BADM_3-5.zip").write_bytes(b"PK\x03\x04 broken")
    result = launched(tree, "results/US-CRT/gapfill/tower.nc")
    assert result.returncode != 0
    said = result.stderr.split("2 steps, a minute or two: fetch, gapfill\n", 1)[1]
    assert re.search(r"\d\d:\d\d:\d\d  US-CRT: collect the archives\n", said)
    assert re.search(r"\d\d:\d\d:\d\d  fetch failed, see logs/US-CRT/fetch.log\n", said)
    assert "lad fetch: error: " in result.stdout + said
    assert not re.search("jobid|Command|Exiting|WorkflowError", said)


def test_a_run_whose_reader_leaves_ends(root, tmp_path):
    tree = copy_tree(root, tmp_path / "tree")
    run = f"{sys.executable} -m lad.launch results/US-CRT/gapfill/tower.nc 2>&1 | grep -m 1 'collect the archives'"
    environment = os.environ | {"PYTHONPATH": str(tree)}
    result = subprocess.run(["bash", "-c", run], cwd=tree, env=environment, capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert not (tree / "results/US-CRT/gapfill/tower.nc").exists()


def test_own_study_of_own_sites(tree, tmp_path):
    for site in ("US-Abc", "US-Def"):
        (tmp_path / f"AMF_{site}_FLUXNET_2011-2013_v1.3_r1.zip").write_text("-")
    table = tmp_path / "my sites.csv"
    table.write_text(
        "site_id,name,latitude,longitude,elevation,igbp,utc_offset_hours,canopy_height,measurement_height,cover,soil\n"
        "US-Abc,Mine,40,-100,500,GRA,-6,0.5,3,6,1\n",
        encoding="utf-8",
    )
    (tmp_path / "lai.csv").touch()
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        "archives: .\nsites_table: my sites.csv\n"  # paths begin in the folder of the file
        "sites:\n"
        "  US-Abc: {train: [[2001-01-01, 2001-12-31]], validation: [[2001-07-01, 2001-07-10]],"
        " test: [[2012-01-01, 2012-12-31]]}\n"
        "  US-Def: {metadata: {canopy_height: 2, name: my field}, lai: lai.csv}\n"
        "studies: {mine: [US-Abc, US-Def]}\n"
        "fetch: {snapshot: my list.csv}\n",
        encoding="utf-8",
    )
    result = snakemake(tree, "-n", "-p", "mine", "--configfile", str(overlay))
    assert planned(result)["mine"] == 1
    commands = re.findall(r"^Shell command: (.*)$", result.stdout + result.stderr, re.MULTILINE)
    for site, expected in [
        ("US-Abc", f"lad gapfill --site US-Abc --sites '{table}' --archive"),
        ("US-Abc", "--train 2001-01-01:2001-12-31 --validation 2001-07-01:2001-07-10"),
        (
            "US-Def",
            "lad gapfill --site US-Def --metadata 'name=my field' --metadata canopy_height=2.0 --archive",
        ),
        ("US-Def", f"--snapshot '{tmp_path}/my list.csv'"),
        ("US-Def", f"--lai {tmp_path}/lai.csv"),
    ]:
        assert any(site in command and expected in command for command in commands), expected
    fits = [command for command in commands if re.search(r"lad (calibrate|train) .*US-Def", command)]
    assert len(fits) == 1 + MODELS  # for which no periods are set
    assert all("--periods results/US-Def/periods/periods.json" in command for command in fits)


def test_folder_without_archives_is_one_line(tree, tmp_path):
    result = snakemake(tree, "-n", "all", "--config", f"archives={tmp_path}")
    assert result.returncode != 0
    assert (
        result.stderr.splitlines()[-1]
        == f"run: error: studies.all: no archive of a tower in the folder {tmp_path}, put them there or name another,"
        " --config archives=FOLDER"
    )


def test_one_network_of_several_processes_and_its_report(tree, tmp_path):
    for site in ("US-CRT", "US-Me2", "US-Wkg", "US-Tw3", "FR-Hes"):
        (tmp_path / f"AMF_{site}_FLUXNET_FULLSET_2002-2021_1-1.zip").write_text("-")
    settings = ["--config", f"archives={tmp_path}"]
    tasks = ["train_multi_site:mpi=srun", "train_multi_site:tasks=2", "train_multi_site:launch='srun -n 2'"]
    targets = ["many", "results/many/apply/CRO/US-CRT/seed0.eqx"]
    result = launched(tree, *targets, "-n", "-p", *settings, "--set-resources", *tasks)
    assert "Note: " not in result.stderr  # on towers of its settings that are not in the folder
    counts = planned(result)
    names = (
        "train_multi_site",
        "apply",
        "evaluate_multi_site",
        "fine_tune",
        "fine_tuning",
        "towers",
        "calibrate",
    )
    assert [counts[name] for name in names] == [7, 1, 1, 5, 1, 1, 5]
    assert result.stdout.count("NPROC=1 srun -n 2 lad train --site ") == 7
    assert "study=results/many/multi_site.csv" in result.stdout


def test_downloaded_study_is_not_made_again(root, tmp_path):
    tree, folder = copy_tree(root, tmp_path / "tree"), tmp_path / "archives"
    name = "AMF_US-Abc_FLUXNET_FULLSET_2011-2013_3-5.zip"
    service = Service({name: write_product(tmp_path, product_rows(days=3), site="US-Abc").read_bytes()})
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        f"archives: {folder}\nsites: {{US-Abc: {{}}}}\nstudies: {{mine: [US-Abc]}}\n"
        f"fetch: {{ameriflux: '{service.url}', plumber2: '{service.url}'}}\n",
        encoding="utf-8",
    )
    target, settings = "results/US-Abc/fetch/source.json", ["--configfile", str(overlay)]
    result = snakemake(tree, target, *settings)
    assert result.returncode == 0, result.stdout + result.stderr
    assert {path.name for path in folder.iterdir()} == {name, f"{name}.source.json"}
    asked = len(service.requests)
    assert planned(snakemake(tree, "-n", target, *settings)) == {}
    service.shutdown()
    assert snakemake(tree, target, "--force", *settings).returncode == 0  # from the folder
    assert len(service.requests) == asked


def test_failing_step_says_why_on_the_terminal_and_in_its_log(root, tmp_path):
    tree = copy_tree(root, tmp_path / "tree")
    (tree / "archives").mkdir()
    (tree / "archives/AMF_US-CRT_BASE-BADM_9-9.zip").write_bytes(b"PK\x03\x04 broken")
    result = snakemake(tree)
    assert result.returncode != 0
    log = (tree / "logs/US-CRT/fetch.log").read_text(encoding="utf-8")
    assert log.startswith("lad fetch: error: AMF_US-CRT_BASE-BADM_9-9.zip") and len(log.splitlines()) == 1
    assert log in result.stdout + result.stderr
    assert not (tree / "results/US-CRT/fetch/source.json").exists()


ONLY_THE_TABLE = {"demo": 1}  # of a finished study nothing is made, only its table is printed


@pytest.fixture(scope="module")
def touched(root, tmp_path_factory) -> Path:
    """A copy with a stand-in of two megabytes for every result, which Snakemake takes for made."""
    tree = copy_tree(root, tmp_path_factory.mktemp("touched") / "tree")
    for line in snakemake(tree, "--summary").stdout.splitlines()[1:]:
        place = tree / line.split("\t")[0]
        place = place / "a.zip" if place.name == "archive" else place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"this is {place.name}\n" + "." * 2_000_000, encoding="utf-8")
    result = snakemake(tree, "--touch")
    assert result.returncode == 0, result.stderr
    return tree


@pytest.fixture
def adopted(touched, tmp_path) -> Path:
    """A copy of it, with its times, to be changed."""
    return shutil.copytree(touched, tmp_path / "tree")


def test_who_comes_back_gets_the_table_again(adopted):
    (adopted / "results/demo/table.md").write_text("the table\n", encoding="utf-8")
    (adopted / "results/demo/conclusions.md").write_text("the answer\n\nthe rest\n", encoding="utf-8")
    assert planned(snakemake(adopted, "-n")) == ONLY_THE_TABLE
    message = snakemake(adopted)
    assert message.returncode == 0, message.stderr
    assert message.stdout == (
        "the table\n\nthe answer\n\nConclusions, one by one: results/demo/conclusions.md\n"
        "Table: results/demo/table.md, all scores: results/demo/scores.csv, "
        "data to cite: results/demo/CITATIONS.txt\n"
        "Figures: results/US-CRT/figures/\n"
        "Report: results/demo/report.html\nCopied to results/report.html\n"
    )
    assert snakemake(adopted, "results/US-CRT/evaluate/scores.csv").stdout == ""


def test_what_is_only_touched_or_found_elsewhere_reruns_nothing(adopted):
    for place in ["data", "lad", "results"]:
        for path in [adopted / place, *(adopted / place).rglob("*")]:
            path.touch()
    assert planned(snakemake(adopted, "-n", "--config", "archives=elsewhere")) == ONLY_THE_TABLE
    with open(adopted / "results/US-CRT/forcing/forcing.nc", "a", encoding="utf-8") as file:
        file.write("changed")
    plan = planned(snakemake(adopted, "-n"))
    assert plan.keys() >= {"calibrate", "train", "evaluate"} and not plan.keys() & {"fetch", "gapfill"}


def test_stopped_run_makes_no_tables_of_the_sites_that_finished(adopted):
    service, overlay = Service({}), adopted / "two.yaml"
    overlay.write_text(
        "sites: {US-Abc: {}}\nstudies: {two: [US-CRT, US-Abc]}\n"
        f"fetch: {{ameriflux: '{service.url}', plumber2: '{service.url}'}}\n",
        encoding="utf-8",
    )
    service.answers.clear()
    with started(adopted, "two", "--configfile", str(overlay)) as run:
        for line in run.stderr:
            if "US-Abc: collect the archives" in line:
                while not service.asked("manifest"):
                    time.sleep(0.1)
                run.send_signal(signal.SIGTERM)
            if "Will exit after finishing currently running jobs" in line:
                break
        service.answers.set()  # that there is no archive: the step fails after the signal
        run.communicate()
    assert run.returncode != 0
    assert (adopted / "logs/US-Abc/fetch.log").read_text(encoding="utf-8").count("no archive found") == 1
    assert not (adopted / "logs/two").exists()
    with open(adopted / "lad/cli.py", "a", encoding="utf-8") as command:
        command.write("\nmain = None\n")  # any step fails at once
    snakemake(adopted, "two", "--configfile", str(overlay))
    assert (adopted / "logs/two").exists()  # had it failed by itself, there would be some


SMALL = ["--configfile", "tests/config.yaml"]
DEMO = "LAD_TEST_DEMO" in os.environ
# What the opt-in tests of kills and of clusters make:
STUDY = ["--configfile", "workflow/studies/demo.yaml"] if DEMO else SMALL
# The first test that asks for the finished study also waits for it: minutes, with nothing compiled before.
whole_study = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory) -> tuple[Path, str]:
    """A copy in which the small study was made, and what the run printed."""
    tree = copy_tree(root, tmp_path_factory.mktemp("workflow") / "study")
    cache = root / ".cache/jax-test"
    result = snakemake(tree, *SMALL, JAX_COMPILATION_CACHE_DIR=str(cache))
    assert result.returncode == 0, result.stdout + result.stderr
    return tree, result.stdout + result.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of every result, without Snakemake's own time stamps."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@whole_study
def test_study_prints_its_table_and_is_finished(finished):
    tree, printed = finished
    table = (tree / "results/demo/table.md").read_text(encoding="utf-8")
    assert "US-CRT" in table and table in printed
    places = "\n".join(
        line for line in printed.splitlines() if line.startswith(("Table: ", "Figures: ", "Report: "))
    )
    for place in re.findall(r"results/[\w./-]+", places):
        assert (tree / place).exists()
    assert planned(snakemake(tree, "-n", *SMALL)) == ONLY_THE_TABLE
    assert table in snakemake(tree, *SMALL).stdout


@whole_study
def test_confirmation_scores_the_same_simulations_on_its_own_days(finished):
    tree, _ = finished
    before = contents(tree / "results")
    result = snakemake(tree, "confirmation", *SMALL)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tree / "results/confirmation.md").read_text(encoding="utf-8") in result.stdout
    after = contents(tree / "results")
    assert [name for name in before if after[name] != before[name]] == []
    scores, of_test = (
        pd.read_csv(tree / f"results/{name}.csv") for name in ("confirmation", "US-CRT/evaluate/scores")
    )
    assert set(scores.period) == {"2013-07-01:2013-07-31"} and set(scores.model) == set(of_test.model)


@whole_study
def test_changed_code_reruns_the_steps_that_import_it(finished):
    tree, _ = finished
    module = tree / "lad/steps/train.py"
    text = module.read_text(encoding="utf-8")
    module.touch()
    assert planned(snakemake(tree, "-n", *SMALL)) == ONLY_THE_TABLE
    module.write_text(text + "\n# changed\n", encoding="utf-8")
    plan = planned(snakemake(tree, "-n", *SMALL))
    assert plan["train"] == TRAINED and "calibrate" not in plan
    module.write_text(text, encoding="utf-8")
    assert planned(snakemake(tree, "-n", *SMALL)) == ONLY_THE_TABLE


@pytest.mark.slow
@whole_study
def test_step_made_again_writes_the_same_bytes(root, finished):
    tree, _ = finished
    before = contents(tree / "results")
    result = snakemake(
        tree, "--forcerun", "train", *SMALL, JAX_COMPILATION_CACHE_DIR=str(root / ".cache/jax-test")
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (result.stdout + result.stderr).count("US-CRT: train ") == TRAINED
    after = contents(tree / "results")
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


@pytest.mark.slow
@whole_study
def test_tables_of_the_sites_that_finished_name_the_others_and_why(finished):
    tree, _ = finished
    overlay, archive = tree / "two.yaml", tree / "archives/AMF_US-Abc_BASE-BADM_9-9.zip"
    overlay.write_text("sites: {US-Abc: {}}\nstudies: {two: [US-CRT, US-Abc]}\n", encoding="utf-8")
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(b"PK\x03\x04 broken")
    before = contents(tree / "results")
    result = snakemake(tree, "two", *SMALL, str(overlay))
    assert result.returncode != 0 and "Traceback" not in result.stderr
    why = "US-Abc: fetch failed, see logs/US-Abc/fetch.log"
    for name in ["table.md", "validation.md", "ranks.md"]:
        text = (tree / "results/two" / name).read_text(encoding="utf-8")
        assert text.startswith(f"**Sites are missing here:**\n\n- {why}\n") and "US-Abc" not in text[90:]
    assert (tree / "results/two/table.md").read_text(encoding="utf-8") in result.stdout
    assert why in (tree / "results/two/report.html").read_text(encoding="utf-8")
    after = contents(tree / "results")
    assert {name for name in before if after[name] != before[name]} <= {"report.html"}

    archive.write_bytes((tree / "data/AMF_US-CRT_BASE-BADM_3-5.zip").read_bytes())
    plan = planned(snakemake(tree, "-n", "two", *SMALL, str(overlay)))
    assert plan["evaluate"] == 1  # of the other site
    assert {*STUDY_STEPS, "two"} <= plan.keys()
