"""What a result was made from: versions, code revision, checksums of its inputs, settings."""

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lad.io import sha256

PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "optax", "numpy", "pandas", "xarray")


def git_revision() -> str:
    """Revision of the source tree, with `-dirty` where tracked files differ; `unknown` outside git."""
    root = Path(__file__).parent
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
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

    `inputs` maps a role (`forcing`) to the file that played it; only name and SHA-256 are kept, so that the
    record does not depend on where the study lies. `settings` are stored as given (seed, configuration, …).
    """
    return {
        "code": {"lad": package_version("lad"), "git": git_revision()},
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "inputs": {
            role: {"name": Path(path).name, "sha256": sha256(path)} for role, path in sorted(inputs.items())
        },
        "settings": settings,
    }
