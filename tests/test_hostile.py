"""Hostile conditions: nothing is lost or half-written, and each is reported in one line."""

import fcntl
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from archives import crt_rows, write_base
from evaluation_site import write_periods
from test_workflow import DEMO, ONLY_THE_TABLE, SMALL, STUDY, contents, copy_tree, planned, snakemake

from lad import io
from lad.cli import main

TARGET = "results/US-CRT/periods/periods.json"
ARCHIVE = "data/AMF_US-CRT_BASE-BADM_3-5.zip"


@pytest.fixture(scope="module")
def made(root, tmp_path_factory) -> Path:
    """A copy with stand-ins for the files that the periods are made from, which Snakemake takes for made."""
    tree = copy_tree(root, tmp_path_factory.mktemp("hostile") / "made")
    for line in snakemake(tree, TARGET, "--summary").stdout.splitlines()[1:]:
        place = tree / line.split("\t")[0]
        place = place / "a.zip" if place.name == "archive" else place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"this is {place.name}\n", encoding="utf-8")
    result = snakemake(tree, TARGET, "--touch", "--forceall")
    assert result.returncode == 0, result.stderr
    assert planned(snakemake(tree, TARGET, "-n")) == {}
    return tree


@pytest.fixture
def tree(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "tree")


def errors(result: subprocess.CompletedProcess) -> list[str]:
    """Lines that report an error; there is one, and no traceback."""
    printed = result.stdout + result.stderr
    assert "Traceback" not in printed, printed
    return [line for line in printed.splitlines() if re.match(r"(run|lad \w+): error: ", line)]


def python(folder: Path, code: str, **environment: str) -> subprocess.Popen:
    """A Python process with the modules of the project; it says a line when it is ready, and is killed at the end."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(io.__file__).parent.parent)} | environment,
        stdout=subprocess.PIPE,
        text=True,
    )


BEGUN = "print('begun', flush=True); time.sleep(600)"
RUN = f"import time; from lad import lock; lock.begin_run(); {BEGUN}"
STEP = f"import os, time; from lad import lock; lock.join_run(os.environ[lock.VARIABLE]); {BEGUN}"


def test_second_run_hears_of_the_first_and_a_killed_one_is_in_nobodys_way(tree):
    part = tree / "results/US-CRT/gapfill/.tower.abcdefgh.part.nc"
    part.touch()
    first = python(tree, RUN)
    assert first.stdout.readline() == "begun\n"
    command = ["results/US-CRT/fetch/source.json", "--force"]
    (printed,) = errors(second := snakemake(tree, *command))
    assert second.returncode != 0 and part.exists()
    assert printed.startswith(f"run: error: another run is at work in this folder (process {first.pid} on ")
    first.kill()
    first.wait()
    result = snakemake(tree, *command)
    assert result.returncode == 0, result.stderr
    assert not part.exists()


def test_steps_end_with_their_run_and_the_next_one_waits_for_them(tmp_path):
    run = python(tmp_path, RUN)
    assert run.stdout.readline() == "begun\n"
    step = python(tmp_path, STEP, LAD_RUN=f"{run.pid} on {platform.node()}")
    assert step.stdout.readline() == "begun\n"
    run.kill()  # not waited for: it stays in the table of processes
    assert step.wait() == 1
    with open(tmp_path / ".snakemake/steps.lock", "w", encoding="utf-8") as lock:  # a step that goes on
        fcntl.flock(lock, fcntl.LOCK_SH)
        following = python(tmp_path, RUN)
        assert following.stdout.readline() == "Waiting for the steps of a run that was killed …\n"
    assert following.stdout.readline() == "begun\n"
    run.wait()
    late = python(tmp_path, STEP, LAD_RUN=f"{run.pid} on {platform.node()}")  # of a run that is no more
    assert late.wait() == 1 and late.stdout.read() == ""
    following.kill()
    following.wait()


@pytest.mark.slow
def test_cluster_job_of_a_run_that_was_followed_by_another_removes_nothing(tree):
    """Snakemake in the job is called as the plug-in calls it."""
    job = [TARGET, "--force", "--nolock", "--no-hooks", "--mode", "remote", "--executor", "local"]
    job += ["--cores", "1"]
    sent_by = {"LAD_SENT_BY": "1 on elsewhere"}
    (tree / ".snakemake/run.lock").write_text("process 2 on elsewhere\n", encoding="utf-8")
    before = (tree / TARGET).read_bytes()
    (printed,) = errors(refused := snakemake(tree, *job, **sent_by))
    assert refused.returncode != 0 and (tree / TARGET).read_bytes() == before
    assert printed == (
        "run: error: another run has begun in this folder (process 2 on elsewhere) since 1 on elsewhere sent this job"
    )
    (tree / ".snakemake/run.lock").write_text("process 1 on elsewhere\n", encoding="utf-8")
    # Now it begins, and fails by what stands for a forcing file.
    (printed,) = set(errors(snakemake(tree, *job, **sent_by)))
    assert printed.startswith("lad periods: error: ")


def test_what_follows_from_a_failed_step_is_made_by_the_next_run(tree, tmp_path):
    overlay = tmp_path / "change.yaml"
    (tmp_path / "lai.csv").write_text("date,lai\n2011-07-01,2\n", encoding="utf-8")
    overlay.write_text(f"sites: {{US-CRT: {{lai: {tmp_path / 'lai.csv'}}}}}\n", encoding="utf-8")
    failing = snakemake(tree, TARGET, "--configfile", str(overlay))
    (printed,) = set(errors(failing))
    assert failing.returncode != 0
    assert printed.startswith(
        "lad forcing: error: results/US-CRT/gapfill/tower.nc: not a readable netCDF file"
    )
    assert (tree / TARGET).exists()  # of the settings before
    plan = planned(snakemake(tree, "-n", TARGET, "--configfile", str(overlay)))
    assert plan == {"forcing": 1, "periods": 1}


def test_study_makes_again_what_is_gone(tree):
    (tree / "results/US-CRT/gapfill/tower.nc").unlink()
    assert planned(snakemake(tree, "-n", "US-CRT"))["gapfill"] == 1


def test_archive_that_was_replaced_by_an_older_one_is_read_again(tree):
    archive = tree / ARCHIVE
    dated = archive.stat().st_mtime - 86400
    archive.write_bytes(archive.read_bytes() + b"\0")
    os.utime(archive, (dated, dated))
    assert planned(snakemake(tree, "-n", TARGET))["fetch"] == 1


def test_archive_that_changes_while_it_is_copied_is_refused(tmp_path, capsys, monkeypatch):
    archive, out = write_base(tmp_path / "archives", crt_rows(days=4)), tmp_path / "out"
    arguments = ["fetch", "--site", "US-CRT", "--archives", str(archive.parent), "--output", str(out)]
    assert main(arguments) == 0
    before, copy = contents(out), shutil.copyfile

    def replaced(source, target):
        copy(source, target)
        write_base(archive.parent, crt_rows(days=5))

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(shutil, "copyfile", replaced)
        assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert (
        printed == f"lad fetch: error: {archive}: changed while it was copied; run again when it is whole\n"
    )
    assert contents(out) == before
    assert main(arguments) == 0
    assert (out / "archive" / archive.name).read_bytes() == archive.read_bytes()


@contextmanager
def mounted(folder: Path, *options: str):
    """A file system of its own at `folder`, where this process may mount one."""
    folder.mkdir(exist_ok=True)
    command = ["mount", *options, str(folder)]
    result = subprocess.run(command, capture_output=True, text=True) if shutil.which("mount") else None
    if result is None or result.returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_full_disk_is_reported_and_with_more_room_the_run_goes_on(root, tmp_path):
    tree = copy_tree(root, tmp_path / "tree")
    command = ["results/US-CRT/gapfill/tower.nc", *SMALL]
    with mounted(tree / "results", "-t", "tmpfs", "-o", "size=5m", "tmpfs") as disk:
        full = snakemake(tree, *command)
        (printed,) = set(errors(full))
        assert full.returncode != 0
        assert printed.startswith("lad gapfill: error: results/US-CRT/gapfill/tower.nc: cannot be written (")
        assert printed.endswith(" MB are free there)")
        assert [path for path in contents(disk) if "/gapfill/" in path] == []
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        result = snakemake(tree, *command)
        assert result.returncode == 0, result.stderr
        assert io.read_netcdf(disk / "US-CRT/gapfill/tower.nc")["Tair"].notnull().all()


def test_results_that_cannot_be_written_are_reported(tree):
    results = tree / "results"
    before = contents(results)
    with mounted(results, "--bind", str(results)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(results)], check=True)
        command = [sys.executable, "-m", "lad.launch", TARGET]
        refused = subprocess.run(command, cwd=tree, capture_output=True, text=True)
        assert refused.returncode == 1
        assert refused.stderr.splitlines()[-1] == f"run: error: {results}: may not be written to"
        assert "Traceback" not in refused.stderr
    assert contents(results) == before


@pytest.mark.slow
def test_site_that_lacks_two_fifths_of_everything(tmp_path, capsys):
    rows = crt_rows("2012-01-01", days=366)
    data = rows.columns.drop(["TIMESTAMP_START", "TIMESTAMP_END"])
    random = np.random.default_rng(40)
    for name in data:  # weeks without the logger, and each sensor by itself
        rows.loc[random.random(len(rows)) < 0.2, name] = "-9999"
    weeks = (random.permutation(53) < 14)[np.arange(len(rows)) // 336]
    rows.loc[weeks, data] = "-9999"
    missing = (rows["TA"].astype(float) == -9999).to_numpy()
    assert 0.35 < missing.mean() < 0.45
    archive, tower = write_base(tmp_path, rows), tmp_path / "tower.nc"
    forcing, observations = tmp_path / "forcing.nc", tmp_path / "observations.nc"
    site = ["--site", "US-CRT"]
    assert main(["gapfill", *site, "--archive", str(archive), "--output", str(tower)]) == 0
    arguments = ["--tower", str(tower), "--output", str(forcing), "--observations", str(observations)]
    assert main(["forcing", *site, *arguments]) == 0, capsys.readouterr().err
    with xr.open_dataset(forcing) as made, xr.open_dataset(observations) as seen:
        for name in ("Tair", "SWdown", "LWdown", "Qair", "Psurf", "Wind", "Rainf"):
            assert np.isfinite(made[name]).all()
        assert ((made["Tair_qc"] == 0).to_numpy().ravel() == ~missing).all()
        absent = (rows["LE"].astype(float) == -9999).to_numpy()
        assert ((seen["Qle_qc"] == 0).to_numpy().ravel() == ~absent).all()
    # What is there is calibrated on and scored, the rest counts nowhere.
    periods = write_periods(
        tmp_path / "periods.json", "2012-05-01:2012-08-31", "2012-07-01:2012-07-20", "2012-09-01:2012-10-31"
    )
    files = ["--forcing", str(forcing), "--observations", str(observations), "--periods", str(periods)]
    settings = {"starts": 1, "steps": 2, "batch": 2, "window_days": [2], "refresh": 2, "patience": 1}
    settings |= {"learning_rate": 0.05, "weight_decay": 0, "loss": "variance"}
    parameters, simulated, scores = (tmp_path / name for name in ("p.json", "bulk.nc", "scores.csv"))
    fitted = ["--settings", json.dumps(settings), "--output", str(parameters)]
    assert main(["calibrate", *site, *files, *fitted]) == 0, capsys.readouterr().err
    run = ["--forcing", str(forcing), "--parameters", str(parameters), "--output", str(simulated)]
    assert main(["simulate", *run]) == 0
    scored = ["--simulation", f"bulk={simulated}", "--output", str(scores)]
    assert main(["evaluate", *site, *files, *scored]) == 0, capsys.readouterr().err
    table = pd.read_csv(scores)
    tested = rows["TIMESTAMP_START"].astype(str).str[:6].isin(["201209", "201210"]).to_numpy()
    assert set(table[table.target == "LE"].n) == {(tested & ~absent).sum()}
    assert np.isfinite(table.rmse).all()


KILLS, SEED = int(os.getenv("LAD_TEST_KILLS", "0")), int(os.getenv("LAD_TEST_SEED", "1"))
LATEST = 60 if DEMO else 8  # s after the beginning of a job


def alive(groups: set[int]) -> list[str]:
    """Commands of the living processes of these groups."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
            if int(group) in groups and state != "Z":
                found.append((place / "cmdline").read_text(encoding="utf-8").replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.timeout(0)
def test_killed_runs_end_with_the_same_bytes(root, tmp_path):
    """Snakemake alone and with all its steps is killed at random moments, in turn, until it was killed KILLS times."""
    if not KILLS:
        pytest.skip("takes long: LAD_TEST_KILLS=20 kills a study so often")
    environment = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "jax")}
    quiet = copy_tree(root, tmp_path / "quiet")
    result = snakemake(quiet, *STUDY, **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    kill_until_whole(copy_tree(root, tmp_path / "killed"), quiet, environment)


def wait_for_jobs(run: subprocess.Popen, log: Path, jobs: int) -> None:
    """Wait until a run has begun so many jobs, or ended."""
    while run.poll() is None and len(begun(log)) < jobs:
        time.sleep(0.05)


def begun(log: Path) -> list[str]:
    """The jobs that a run began."""
    return re.findall(r"^Job \d+: (.*)", log.read_text(encoding="utf-8"), re.MULTILINE)


def kill_until_whole(tree: Path, quiet: Path, environment: dict[str, str]) -> None:
    """The study is started again as often as it becomes whole before the last kill; it then is as in `quiet`.

    A moment is some seconds after the beginning of one of the next jobs, or of the run: however fast the machine is,
    some work gets done between two kills.
    """
    moments, groups, log = random.Random(SEED), set(), tree / "log"
    command = [sys.executable, "-m", "snakemake", *STUDY]
    while True:
        with open(log, "w", encoding="utf-8") as file:
            run = subprocess.Popen(
                command,
                cwd=tree,
                env=os.environ | {"PYTHONPATH": str(tree)} | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        alone = len(groups) % 2 == 0
        try:
            if len(groups) < KILLS:
                wait_for_jobs(run, log, moments.randrange(7))
            status = run.wait(moments.uniform(0, LATEST) if len(groups) < KILLS else None)
        except subprocess.TimeoutExpired:
            groups.add(run.pid)
            (os.kill if alone else os.killpg)(run.pid, signal.SIGKILL)
            run.wait()
            print(
                f"kill {len(groups)}, {'alone' if alone else 'group'}, {' | '.join(begun(log)[-2:])}",
                flush=True,
            )
            continue
        printed = log.read_text(encoding="utf-8")
        assert status == 0, printed
        assert alive(groups) == []
        found, expected = contents(tree / "results"), contents(quiet / "results")
        assert found.keys() == expected.keys()
        assert [name for name in found if found[name] != expected[name]] == []
        assert planned(snakemake(tree, "-n", *STUDY)) == ONLY_THE_TABLE
        print(f"whole after {len(groups)} kills", flush=True)
        if len(groups) == KILLS:
            return
        for place in ("results", "logs", ".snakemake"):
            shutil.rmtree(tree / place)
