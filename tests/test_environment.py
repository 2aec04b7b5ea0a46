"""The locked environment: complete, agreeing with pyproject.toml and the conda file, and free of hosts."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

LOCKS = ["requirements.lock", "requirements-slurm.lock", "requirements-test.lock"]
LAUNCHERS = ["lad.launch", "lad.snakemake_internals"]  # that import Snakemake
PYTHONS = ["3.11", "3.12", "3.13"]


def locked(path: Path, python: str) -> dict[str, Version]:
    """Versions that a lock gives to one version of Python on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    versions = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            continue
        name, version, marker = re.fullmatch(r"([\w.-]+)==(\S+)(?: ; (.*?))? \\", line).groups()
        if marker is None or Marker(marker).evaluate(environment):
            versions[canonicalize_name(name)] = Version(version)
    return versions


def direct_dependencies(project: dict) -> list[str]:
    """What the package and the workflow import."""
    return project["project"]["dependencies"] + project["project"]["optional-dependencies"]["workflow"]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host_and_hashes_everything(root, lock):
    lines = (root / "envs" / lock).read_text(encoding="utf-8").splitlines()
    assert all(
        re.fullmatch(r"[\w.-]+==\S+( ; .*)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines
    )
    for line, following in pairwise([*lines, ""]):
        assert line.startswith(" ") or following.startswith("    --hash"), f"{line} has no hash"


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_satisfies_the_project(root, python):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    versions = locked(root / "envs/requirements.lock", python)
    slurm = locked(root / "envs/requirements-slurm.lock", python)
    test = locked(root / "envs/requirements-test.lock", python)
    groups = project["dependency-groups"]
    for wanted, available in [
        (direct_dependencies(project), versions),
        (groups["test"], test),
        (groups["slurm"], slurm),
    ]:
        for requirement in map(Requirement, wanted):
            assert available[canonicalize_name(requirement.name)] in requirement.specifier
    assert not versions.keys() & slurm.keys()  # the plug-in stays out of the default environment
    assert all(test[name] == versions[name] for name in test.keys() & versions.keys())
    tools = {canonicalize_name(Requirement(text).name) for text in groups["test"]}
    assert versions.keys() & tools == {"jsonschema"}  # which Snakemake needs


def test_citation_names_this_version_and_the_method(root):
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["cff-version"], cited["version"]) == ("1.2.0", project["version"])
    assert {"message", "title", "authors"} <= cited.keys()
    families = [[author["family-names"] for author in one["authors"]] for one in cited["references"]]
    assert families == [["Milly", "Shmakin"], ["Kalauni", "Bennett"]]


def test_conda_file_has_the_locked_versions(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    versions = locked(root / "envs/requirements.lock", "3.11")
    *conda, from_pip = yaml.safe_load((root / "envs/lad.yaml").read_text(encoding="utf-8"))["dependencies"]
    assert conda == ["python=3.11", "pip"]
    wanted = {canonicalize_name(Requirement(text).name) for text in direct_dependencies(project)}
    assert {
        canonicalize_name(name): Version(version)
        for name, version in (p.split("==") for p in from_pip["pip"])
    } == {name: versions[name] for name in wanted}


def test_container_recipes_are_made_of_the_same(root):
    docker = (root / "envs/Dockerfile").read_text(encoding="utf-8")
    apptainer = (root / "envs/lad.def").read_text(encoding="utf-8")
    copied = [word for line in re.findall(r"^COPY (.*) \S+$", docker, re.MULTILINE) for word in line.split()]
    files = apptainer.partition("%files\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in files] == copied
    assert [line.split()[1] for line in files] == [f"/lad/{name}" for name in copied]
    assert all((root / name).exists() for name in copied)
    sent = (root / "envs/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line[1:] for line in sent if line.startswith("!")] == copied
    for pattern in [
        r"^from:? (\S+)$",
        r"(apt-get install .*?)(?: \\)?$",
        r"(\S+ bash /lad/run setup)(?: \\)?$",
        r"(\S+ -m compileall .*)$",
    ]:
        (first,), (second,) = (
            re.findall(pattern, text, re.MULTILINE | re.IGNORECASE) for text in (docker, apptainer)
        )
        assert first == second


def test_the_package_is_imported_without_the_workflow_manager(root):
    """All of it but what starts Snakemake; and the settings without JAX, which takes a second to start."""
    modules = [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((root / "lad").rglob("*.py"))
    ]
    assert {"lad", "lad.model", "lad.settings.study", "lad.steps.train"} <= {*modules}
    imports = f"""
import importlib, sys
sys.modules["snakemake"] = None  # an import of it fails
importlib.import_module("lad.settings.study")
assert "jax" not in sys.modules
for name in {[name for name in modules if name not in LAUNCHERS]}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", imports], cwd=root, check=True)


@pytest.fixture
def bare(root, tmp_path) -> Path:
    """A project folder with a space in its path and nothing set up, and a PATH without Python."""
    folder = tmp_path / "my study"
    (folder / "envs").mkdir(parents=True)
    for file in ["run", "pyproject.toml", *(f"envs/{lock}" for lock in LOCKS)]:
        shutil.copy(root / file, folder / file)
    (tmp_path / "bin").mkdir()
    for tool in ["bash", "cat", "cksum", "dirname", "mkdir", "rm"]:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return folder


def run(folder: Path, *args: str) -> subprocess.CompletedProcess:
    path = folder.parent / "bin"
    command = [path / "bash", folder / "run", *args]
    return subprocess.run(command, cwd="/", env={"PATH": str(path)}, capture_output=True, text=True)


def test_run_without_python_says_what_it_needs(bare):
    result = run(bare)
    assert result.returncode == 1
    assert result.stderr.startswith("run: error: needs Python 3.11, 3.12 or 3.13")
    assert len(result.stderr.splitlines()) == 1
    assert not (bare / ".venv").exists()


def test_run_uses_only_a_finished_environment_made_from_these_files(bare):
    (bare / ".venv/bin").mkdir(parents=True)
    (bare / ".venv/bin/python").write_text('#!/usr/bin/env bash\necho "$PWD" "$@"\n', encoding="utf-8")
    (bare / ".venv/bin/python").chmod(0o755)
    assert "needs Python" in run(bare, "-n").stderr  # a set-up that did not finish counts for nothing

    def finish(extra: str) -> None:
        sums = ["cksum", f"envs/requirements{extra}.lock", "pyproject.toml"]
        checksums = subprocess.run(sums, cwd=bare, capture_output=True, text=True, check=True).stdout
        (bare / f".venv/origin{extra}").write_text(f"{bare}\n{checksums}", encoding="utf-8")

    finish("")
    assert run(bare, "-n", "a b").stdout == f"{bare} -m lad.launch -n a b\n"
    assert "needs Python" in run(bare, "test", "-x").stderr  # to add the tools of the tests
    finish("-test")
    assert (
        run(bare, "test", "-x").stdout == f"{bare} -m pytest -n 2 --dist loadfile --no-loadscope-reorder -x\n"
    )
    result = run(bare, "setup", "cluster")
    assert result.returncode == 1
    assert result.stderr == "run: error: setup cluster: expected slurm, test or nothing\n"

    with open(bare / "envs/requirements.lock", "a", encoding="utf-8") as lock:
        lock.write("\n")
    assert "needs Python" in run(bare, "-n").stderr


PYTHON = """#!/usr/bin/env bash
# Stands for Python: makes an environment whose Python notes what pip installs, and fails where a file `broken` is.
case "$*" in
-) echo "$BASH_SOURCE" ;;
--version) echo Python 3.12.0 ;;
"-m venv .venv")
    mkdir -p .venv/bin
    cat >.venv/bin/python <<'EOF'
#!/usr/bin/env bash
if [[ "$*" == *" install "* ]]; then
    echo "${@: -1}" >>installed
    [[ ! -e broken ]]
fi
EOF
    chmod +x .venv/bin/python
    ;;
esac
"""


def test_set_up_installs_each_lock_once(bare):
    (bare.parent / "bin/python3").write_text(PYTHON, encoding="utf-8")
    (bare.parent / "bin/python3").chmod(0o755)
    (bare.parent / "bin/chmod").symlink_to(shutil.which("chmod"))
    base, slurm, test = (f"envs/{lock}" for lock in LOCKS)

    def installed(*args: str, code: int = 0) -> list[str]:
        (bare / "installed").write_text("", encoding="utf-8")
        assert run(bare, *args).returncode == code
        return (bare / "installed").read_text(encoding="utf-8").split()

    def change(lock: str) -> None:
        with open(bare / lock, "a", encoding="utf-8") as file:
            file.write("\n")

    assert installed("-n") == [base, "."]
    assert installed("-n") == []
    assert installed("test") == [test]
    assert installed("test") == []
    assert installed("setup", "slurm") == [slurm]
    assert installed("setup", "slurm") == [slurm]  # asked for by name: it may have been uninstalled
    change(test)
    assert installed("-n") == []
    (bare / "broken").touch()
    assert installed("test", code=1) == [test]
    (bare / "broken").unlink()
    assert installed("test") == [test]
    change(base)  # and what stood on it is gone
    assert installed("test") == [base, ".", test]
