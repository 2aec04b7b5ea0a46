"""What `./run` says to targets and settings files that Snakemake has no clear words for, and `lad` alone."""

import os
import shutil
import subprocess
import sys

import pytest

from lad import cli
from lad.errors import InputError
from lad.launch import (
    TARGETS,
    check,
    check_controller,
    check_profile,
    check_rules,
    settings_of,
    study_lines,
    unused,
)
from lad.settings.files import read_settings
from lad.snakemake_internals import parsed

EXPECTED = (
    r"expected a study \(demo, paper, all, mine, many; one of your own with its --configfile\), "
    r"a site \(US-CRT, US-Me2, US-Wkg\),"
    " years, confirmation, or a file"
)


@pytest.fixture
def project(root, tmp_path, monkeypatch):
    """A project folder with a settings file of its own study."""
    (tmp_path / "config.yaml").write_bytes((root / "config.yaml").read_bytes())
    (tmp_path / "mine.yaml").write_text("studies: {mine: [US-CRT]}\n", encoding="utf-8")
    (tmp_path / "results/US-CRT").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "target, message",
    [
        ("nosuchtarget", f"^nosuchtarget: no such target, {EXPECTED}"),
        ("us-wkg", rf"^us-wkg: no such target \(did you mean US-Wkg\?\), {EXPECTED}"),
        ("results/US-Crt/evaluate/scores.csv", r"^results/US-Crt/evaluate/scores.csv: .*mean US-CRT\?"),
        ("results/US-CRT/", r"mean US-CRT\?"),  # made of many rules
        ("mnay", r"mean many\?"),
        ("minr", r"mean mine\?"),
        ("confirmtion", r"mean confirmation\?"),
        ("fetch", rf"^fetch: no such target, {EXPECTED}"),  # a rule, but of no site
    ],
)
def test_target_that_nothing_makes(project, target, message):
    with pytest.raises(InputError, match=message):
        check(["demo", target], ["config.yaml", "mine.yaml"], [])


def test_targets_that_snakemake_knows(project):
    files = ["results/US-CRT/evaluate/scores.csv", "results/mine/table.md", "logs/x/y.log", "config.yaml"]
    check(
        ["mine", "paper", "US-Me2", "years", "confirmation", "results/confirmation.md", *files],
        ["config.yaml", "mine.yaml"],
        ["archives=x"],
    )
    check(["other", "US-Abc"], ["config.yaml"], ["studies={other: [US-Abc]}", "sites={US-Abc: {}}"])
    (project / "AU-How_2003-2017_OzFlux_Met.nc").write_text("-")
    check(["all", "AU-How"], ["config.yaml"], [f"archives={project}"])


@pytest.mark.parametrize(
    "options, message",
    [
        ("--set-resources train:mem_mb", "entries have to be defined as RULE:RESOURCE=VALUE"),
        (
            "--set-resources=train=3",
            "^value .*: expected NAME=VALUE, of --set-resources RULE:RESOURCE=VALUE$",
        ),
        ("--resources mem", "^value .*: expected NAME=VALUE"),
        ("--set-threads train", "entries have to be defined as RULE=THREADS pairs .*train"),
        ("--set-resources tarin:mem_mb=1", r"^--set-resources tarin: no such rule \(did you mean train\?\)$"),
        ("--groups no=a", "^--groups no: no such rule"),
        ("--set-threads calibrat=2", r"did you mean calibrate\?"),
    ],
)
def test_an_option_of_a_rule_that_is_malformed_or_of_none(root, monkeypatch, options, message):
    monkeypatch.chdir(root)
    with pytest.raises(InputError, match=message):
        check_rules(parsed(["paper", *options.split()])[1])


def test_options_of_rules_are_taken(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    groups = read_settings(root / "profiles/slurm/config.yaml")["groups"]
    options = f"--set-resources train:mem_mb=1 fine_tune:runtime=3 --groups {' '.join(map('='.join, groups.items()))}"
    check_rules(parsed(["paper", *options.split(), "--set-threads", "train_through=2", "confirm=2"])[1])
    check_rules(parsed(["paper"])[1])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words, message",
    [
        (["--configfle", "x"], r"unrecognized arguments: --configfle x \(did you mean --configfile\?\)"),
        (["--batch"], "argument --batch: expected one argument"),
    ],
)
def test_unknown_option_is_one_line(words, message, capsys):
    with pytest.raises(InputError, match=f"^{message}; common options: ./run --help$"):
        parsed(["paper", *words])
    assert capsys.readouterr().err == ""


def test_a_run_begins_with_its_studies_and_sites():
    settings = [{"studies": {"demo": ["US-CRT"], "all": "all"}}, {"studies": {"mine": ["US-Abc", "US-Abd"]}}]
    assert study_lines([], settings) == ["Study demo: US-CRT"]
    assert study_lines([], [*settings, {"note": "Short form."}]) == ["Study demo: US-CRT", "Short form."]
    assert study_lines(["mine", "results/mine/table.md", "US-Abc", "all"], settings) == [
        "Study mine: US-Abc, US-Abd",
        "Study all: all sites with an archive",
    ]


def test_a_study_with_settings_of_its_own_stands_alone():
    for targets in (
        ["many"],
        ["many", "results/many/train_multi_site/ENF/seed0.eqx"],
        ["results/many/table.md"],
    ):
        assert [path.name for path in settings_of(targets)] == ["many.yaml"]
    assert settings_of(["paper", "results/US-Me2/evaluate/scores.csv"]) == settings_of([]) == []
    for targets in (["many", "paper"], ["US-Me2", "results/many/table.md"]):
        with pytest.raises(
            InputError, match=f"{' '.join(targets)}: many has settings of its own, give it alone"
        ):
            settings_of(targets)


def test_note_on_a_site_that_nothing_uses(project):
    mine = {"sites": {"US-Abd": {}}, "studies": {"mine": ["US-Abc"], "all": "all"}}
    (note,) = unused([mine], ["mine"])
    assert note == (
        "Note: sites.US-Abd is left out: no study has this site, and it has no archive (did you mean US-Abc?)"
    )
    for target in ["US-Abd", "results/US-Abd/forcing/forcing.nc"]:
        assert not unused([mine], [target])
    assert not unused([mine | {"years": {"US-Abd": []}}], [])
    assert not unused([{}, mine], ["mine"], [mine])  # settings of the project itself
    (project / "AU-How_2003-2017_OzFlux_Met.nc").write_text("-")
    assert not unused([{"archives": str(project), "sites": {"AU-How": {}}}], [])
    assert not unused(check([], ["config.yaml", "mine.yaml"], []), [])


@pytest.mark.parametrize(
    "content, message",
    [
        (b"training:\n  steps: [3\n  batch: 4\n", "mine.yaml line 3: not valid YAML: .*expected ',' or ']'"),
        (b"seeds:\n\t3\n", "mine.yaml line 2: not valid YAML: "),
        (
            b"sites:\n  US-Abc: {}\n  US-Me2: {}\n  US-Abc: {train: []}\n",
            "mine.yaml line 4: not valid YAML: key US-Abc is there twice$",
        ),
        (b"seeds: \x01", "mine.yaml: not valid YAML: unacceptable character"),
        (b"name: \xff", "mine.yaml: not UTF-8 text, expected a settings file"),
        (b"", "mine.yaml: expected settings, key: value, has None"),
        (b"- demo", "mine.yaml: expected settings, key: value, has "),
    ],
)
def test_settings_file_that_is_none(project, content, message):
    (project / "mine.yaml").write_bytes(content)
    with pytest.raises(InputError, match=f"^{message}") as error:
        check([], ["config.yaml", "mine.yaml"], [])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "files, entries, message",
    [
        (["results"], [], "results: is a folder, expected a settings file"),
        (["mine.yaml", "paper"], [], r"paper: no such settings file \(targets come before"),
        ([], ["archives"], "--config archives: expected key=value"),
        ([], ["archives=x", "paper"], "--config paper: expected key=value"),
        ([], ["3x=3"], "--config: .* valid identifier"),
    ],
)
def test_options_without_what_they_need(project, files, entries, message):
    with pytest.raises(InputError, match=f"^{message}"):
        check([], files, entries)


def test_refusal_is_one_line_and_a_status(root):
    environment = dict(os.environ) | {"PYTHONPATH": str(root)}
    for words, message in [
        (["--config", "archives"], "run: error: --config archives: expected key=value"),
        (
            ["-n", "--config", "seeds=three"],
            "configuration: error: --config: seeds: 'three': expected a valid integer",
        ),
        (["results/US-CRT/no/such"], "No rule to produce results/US-CRT/no/such"),
    ]:
        command = [sys.executable, "-m", "lad.launch", *words]
        result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        assert result.returncode != 0 and "Traceback" not in result.stderr
        assert [line for line in result.stderr.splitlines() if message in line], result.stderr


def test_profile_of_a_cluster_without_the_plug_in(root, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.setattr("lad.launch.find_spec", lambda name: None)
    check_profile(["demo", "-n"])
    check_profile(["--workflow-profile", "nowhere"])  # Snakemake reports it
    message = "^profiles/slurm/config.yaml: needs .* plug-in for Slurm, which `./run setup slurm` adds$"
    for argv in ["demo --workflow-profile profiles/slurm", "--workflow-profile=profiles/slurm -n"]:
        with pytest.raises(InputError, match=message):
            check_profile(argv.split())
    with pytest.raises(
        InputError, match=r"^--workflow-profile profiles/mine: no such file profiles/mine/config"
    ):
        check_profile(["--workflow-profile", "profiles/mine", "-n"])


def test_cluster_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"^--executor slurm: no command sinfo here"):
        check_controller()
    sinfo = tmp_path / "sinfo"
    sinfo.write_text("#!/bin/sh\necho no >&2\necho route >&2\nexit 1\n", encoding="utf-8")
    sinfo.chmod(0o755)
    with pytest.raises(InputError, match=r"^--executor slurm: Slurm does not answer \(no route\)$"):
        check_controller()
    sinfo.write_text("#!/bin/sh\n", encoding="utf-8")
    check_controller()


@pytest.mark.parametrize("dry", ["-n", "-np"])
def test_plan_that_is_cut_ends_without_a_word(root, dry):
    command = f"{sys.executable} -m lad.launch {dry} --quiet progress | head -1"
    result = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True)
    assert len(result.stdout.splitlines()) == 1 and "Traceback" not in result.stderr


def test_help_needs_no_set_up_and_names_every_target_that_is_no_study_or_site(root, tmp_path):
    shutil.copy(root / "run", tmp_path)
    result = subprocess.run([tmp_path / "run", "--help"], capture_output=True, text=True, check=True)
    assert all(f"./run {target} " in result.stdout for target in TARGETS) and "set -e" not in result.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_a_step_that_there_is_not(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["site", "--archives", "x"])
    assert end.value.code == 2
    assert "error: site: no such step (did you mean sites?); lad --help lists them" in capsys.readouterr().err


def test_lad_alone_lists_every_step_by_purpose(root, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([])
    lines = capsys.readouterr().out.splitlines()
    assert end.value.code == 0 and "tower data:" in lines
    listed = {line.split()[0].replace("-", "_") for line in lines if line.startswith("  ") and line[2] != "-"}
    assert listed == {file.stem for file in (root / "lad/steps").glob("*.py")} - {"__init__"}
