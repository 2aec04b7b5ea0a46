"""Fixtures shared by all tests."""

import gc
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Compiled programs are kept from run to run; has to be set before JAX is imported, by tests or their
# subprocesses.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".cache" / "jax-test"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that runs slow tests too."""
    parser.addoption("--all", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the file whose set-up takes longest; skip slow tests, unless all are asked for."""
    items.sort(key=lambda item: item.path.name != "test_workflow.py")
    if not config.getoption("--all"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: ./run test --all"))


@pytest.fixture(scope="module", autouse=True)
def forget_compiled():
    """Drop compiled programs after each file: each holds memory maps, of which a process may have only so many."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with further tower archives beside the repository; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder ../shared with further tower archives")
    return folder
