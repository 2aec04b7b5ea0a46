"""A study through a Slurm cluster that the tests start themselves, with LAD_TEST_SLURM=1 (docs/cluster.md).

It is the small one, or with LAD_TEST_DEMO=1 the demo itself.
"""

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from cluster import Cluster, missing
from learning_towers import train_command, write_towers
from test_multi_site import agree, left
from test_workflow import ONLY_THE_TABLE, STUDY, copy_tree, planned, snakemake

from lad.io import write_json
from lad.towers.sites import read_rows

pytestmark = [
    pytest.mark.skipif("LAD_TEST_SLURM" not in os.environ, reason="needs LAD_TEST_SLURM=1 and Slurm"),
    pytest.mark.timeout(3600),
]
PROFILE = ["--workflow-profile", "profiles/slurm"]
OF_A_SITE = ["prepare", "calibrate", *["train"] * 3, "score", "figures", "response", "sanity"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    lacking = missing()
    if find_spec("snakemake_executor_plugin_slurm") is None:
        lacking = "no plug-in for Slurm: ./run setup slurm"
    if lacking:
        pytest.fail(lacking, pytrace=False)
    running = Cluster(tmp_path_factory.mktemp("cluster"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def tree(root, tmp_path_factory) -> Path:
    return copy_tree(root, tmp_path_factory.mktemp("slurm") / "study")


@pytest.fixture
def environment(root, cluster) -> dict[str, str]:
    return cluster.environment | {"JAX_COMPILATION_CACHE_DIR": str(root / ".cache/jax-test")}


def started(tree: Path, environment: dict[str, str]) -> subprocess.Popen:
    """The study through the cluster, begun; Ctrl-C ends it also where the tests run in the background."""
    return subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "snakemake", *PROFILE, *STUDY],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def running_job(cluster: Cluster, study: subprocess.Popen, rule: str) -> str:
    """Slurm's number of a running job with a step of `rule`, as soon as there is one."""
    while study.poll() is None:
        for line in cluster.call("squeue", "--noheader", "--states=RUNNING", "--format=%i %k").splitlines():
            job, _, comment = line.partition(" ")
            if rule in comment:
                return job
        time.sleep(1)
    pytest.fail(f"ended before a job of {rule} ran:\n{study.communicate()[0]}", pytrace=False)


def ends(cluster: Cluster) -> list[str]:
    """How the jobs of the cluster ended."""
    lines = (cluster.folder / "jobs.txt").read_text(encoding="utf-8").splitlines()
    return [word.partition("=")[2] for line in lines for word in line.split() if word.startswith("JobState=")]


def test_study_that_is_stopped_goes_on_and_a_lost_job_is_sent_again(cluster, tree, environment):
    study = started(tree, environment)
    running_job(cluster, study, "gapfill")
    study.send_signal(signal.SIGINT)
    printed, _ = study.communicate()
    assert study.returncode != 0 and "Traceback" not in printed
    assert not (tree / "results/demo").exists()
    while cluster.call("squeue", "--noheader"):
        time.sleep(1)  # a cancelled job needs a moment
    assert ends(cluster) == ["CANCELLED"]

    killed = started(tree, environment)
    running_job(cluster, killed, "gapfill")
    killed.kill()
    killed.communicate()
    study = started(tree, environment)  # what the killed one sent gives way
    cluster.call("scancel", running_job(cluster, study, "calibrate"))
    printed, _ = study.communicate()
    assert study.returncode == 0, printed
    logs = (path.read_text(encoding="utf-8") for path in (tree / ".snakemake/slurm_logs").rglob("*.log"))
    assert any("another run has begun in this folder" in log for log in logs)
    # Of a group Snakemake does not show Slurm's state, but shows the job's log, where Slurm wrote it.
    assert re.search(r"error: \*\*\* JOB \d+ ON \w+ CANCELLED AT ", printed)
    assert "Trying to restart job" in printed
    assert (tree / "results/demo/table.md").read_text(encoding="utf-8") in printed
    # One job for each group of steps that fail together anyway, and `transfer` of the study.
    assert ends(cluster).count("COMPLETED") == len(OF_A_SITE) + 1
    # Nothing differs from a study that was made without the cluster.
    assert planned(snakemake(tree, "-n", *STUDY)) == ONLY_THE_TABLE


def test_failure_on_a_node_is_reported_with_its_log(tree, environment):
    overlay, archives = tree / "two.yaml", tree / "archives"
    overlay.write_text("sites: {US-Abc: {}}\nstudies: {two: [US-CRT, US-Abc]}\n", encoding="utf-8")
    archives.mkdir()
    with zipfile.ZipFile(archives / "AMF_US-Abc_BASE-BADM_9-9.zip", "w") as archive:
        times = pd.date_range("2011-01-01", "2013-01-01", freq="30min").strftime("%Y%m%d%H%M")
        rows = "".join(f"{start},{end},20\n" for start, end in pairwise(times))
        archive.writestr("AMF_US-Abc_BASE_HH_9-9.csv", f"TIMESTAMP_START,TIMESTAMP_END,TA\n{rows}")
    settings = ["--configfile", *STUDY[1:], str(overlay)]
    result = snakemake(tree, *PROFILE, "--retries", "0", "two", *settings, **environment)
    printed = result.stdout + result.stderr
    assert result.returncode != 0 and "Traceback" not in printed
    assert "lad gapfill: error: " in printed and "log: logs/US-Abc/gapfill.log" in printed
    assert str(tree / ".snakemake/slurm_logs/group_prepare") in printed
    table = (tree / "results/two/table.md").read_text(encoding="utf-8")
    assert "US-Abc: gapfill failed, see logs/US-Abc/gapfill.log and .snakemake/log/" in table
    assert "US-CRT" in table


def test_job_beyond_its_memory_is_sent_again_with_more(cluster, tree, environment):
    before = len(ends(cluster))
    target = "results/US-CRT/figures/diurnal.png"
    memory = ["--set-resources", "figures:mem_mb=250*attempt**2"]
    result = snakemake(tree, *PROFILE, target, "--force", *memory, *STUDY, **environment)
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed
    assert "Trying to restart job" in printed
    (log,) = re.findall(r"log: .*, (\S+) \(check", printed)
    assert "error: Exceeded job memory limit" in Path(log).read_text(encoding="utf-8")
    assert ends(cluster)[before:] == ["FAILED", "COMPLETED"]


def test_workflow_starts_the_tasks_of_one_training(cluster, tree, environment):
    """By the options that docs/multi_site.md names, at US-CRT and at its record under another name."""
    archives, output = tree / "archives", tree / "results/pair/train_multi_site/all"
    archives.mkdir(exist_ok=True)
    with zipfile.ZipFile(tree / "data/AMF_US-CRT_BASE-BADM_3-5.zip") as archive:
        table = archive.read("AMF_US-CRT_BASE_HH_3-5.csv")
    (archives / "AMF_US-Abd_BASE_HH_3-5.csv").write_bytes(table)
    row = read_rows()["US-CRT"] | {"site_id": "US-Abd"}
    pd.DataFrame([row]).to_csv(tree / "pair.csv", index=False)
    periods = {"train": [["2011-05-01", "2011-07-31"]], "validation": [["2011-06-01", "2011-06-10"]]}
    periods |= {"test": [["2012-06-01", "2012-06-30"]]}
    training = {"steps": 4, "batch": 2, "window_days": [1], "refresh": 2}
    settings = {
        "sites_table": "pair.csv",
        "sites": {"US-CRT": periods, "US-Abd": periods},
        "studies": {"pair": ["US-CRT", "US-Abd"]},
        "multi_site": {"studies": ["pair"], "seeds": 2, "training": training},
    }
    write_json(tree / "pair.json", settings)
    target = [str(output.relative_to(tree) / "seed0.eqx"), "--configfile", *STUDY[1:], "pair.json"]
    launch = "launch='srun -n 2 --kill-on-bad-exit'"
    tasks = [
        f"train_multi_site:{option}" for option in ("mpi=srun", "tasks=2", "nodes=1", "mem_mb=6000", launch)
    ]
    before = len(ends(cluster))
    result = snakemake(tree, *PROFILE, *target, "--set-resources", *tasks, **environment)
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed
    assert set(ends(cluster)[before:]) == {"COMPLETED"}
    assert "2 sites on 2 devices, all: 4/4 " in (tree / "logs/pair/train_multi_site/all.log").read_text(
        encoding="utf-8"
    )
    of_two = left(output)
    result = snakemake(tree, *target, "--force", **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    agree(left(output), of_two)


def test_tasks_of_one_step_train_one_multi_site_network(environment, tmp_path):
    towers = write_towers(tmp_path)
    for folder, launch in (("one", []), ("two", ["srun", "--ntasks", "2", "--mem", "4000"])):
        command = [*launch, sys.executable, "-m", "lad.cli", *train_command(towers, towers / folder)]
        result = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert result.stderr.count(" 4/4 ") == 1  # one of them reports
    agree(left(towers / "one"), left(towers / "two"))
