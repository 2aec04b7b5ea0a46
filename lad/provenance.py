"""What a result was made from: versions, code revision, checksums of its inputs, settings."""

import functools
import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lad.io import sha256
from lad.periods import Period

PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "optax", "numpy", "pandas", "xarray", "matplotlib")
PACKAGE = Path(__file__).parent


@functools.cache  # read once: the code of a process does not change, whatever is edited meanwhile
def code_sha256(folder: Path) -> str:
    """Digest of names and contents of all Python files under `folder`.

    Distinguishes code where the revision does not: with uncommitted changes, and outside git.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def git_revision() -> str:
    """Revision of the source tree, with `-dirty` where tracked files differ; `unknown` outside git."""
    command = ["git", "-C", str(PACKAGE), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def package_version(name: str) -> str:
    """Installed version of a distribution, `absent` if there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def provenance(inputs: Mapping[str, str | Path], **settings: Any) -> dict[str, Any]:
    """Record of the origin of a result.

    `inputs` maps a role (`forcing`) to its file; only name and SHA-256 are kept, so that the record does not
    depend on where the study lies. `settings` are stored as given (seed, configuration, …), periods
    in them as texts FIRST:LAST.
    """
    return {
        "code": {"lad": package_version("lad"), "git": git_revision(), "sha256": code_sha256(PACKAGE)},
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "inputs": {
            role: {"name": Path(path).name, "sha256": sha256(path)} for role, path in sorted(inputs.items())
        },
        "settings": _with_texts(settings),
    }


def _with_texts(settings: Any) -> Any:
    """The settings with periods as texts."""
    if isinstance(settings, Period):
        return str(settings)
    if isinstance(settings, Mapping):
        return {name: _with_texts(value) for name, value in settings.items()}
    return [*map(_with_texts, settings)] if isinstance(settings, list | tuple) else settings


def fingerprint(origin: Mapping[str, Any]) -> str:
    """Digest of a record of `provenance`: fits with the same digest give the same numbers.

    The revision is left out: a commit that leaves the code as it is changes no number.
    """
    code = {name: value for name, value in origin["code"].items() if name != "git"}
    return hashlib.sha256(json.dumps({**origin, "code": code}, sort_keys=True).encode()).hexdigest()
