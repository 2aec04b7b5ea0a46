"""The benchmarks fit the package: what they would run is traced or looked at, not run."""

import runpy

import equinox as eqx
import jax
import numpy as np
import pandas as pd
import pytest

from lad.forcing import VARIABLES
from lad.settings.study import checked


@pytest.fixture(scope="module")
def speed(root) -> dict:
    return runpy.run_path(str(root / "benchmarks/speed.py"))


@pytest.mark.slow
def test_cases_can_be_traced(speed):
    for case in speed["cases"]():
        result = eqx.filter_eval_shape(case.function, *case.args)
        assert all(leaf.dtype == np.float64 for leaf in jax.tree.leaves(result))


def test_forcing_is_weather(speed):
    year = speed["synthetic_year"]()
    for name, (_, low, high) in VARIABLES.items():
        assert low <= getattr(year, name).min() and getattr(year, name).max() <= high
    assert 300.0 < 1800.0 * float(year.Rainf.sum() + year.Snowf.sum()) < 2000.0
    assert year.Snowf.max() > 0.0


def test_numbers_of_a_printed_table_are_compared(root, capsys):
    revisions = runpy.run_path(str(root / "benchmarks/revisions.py"))
    printed = (
        "a machine\n\n| case | run s | MB |\n|---|---|---|\n| LaD, a year | 0.100 (0.090 to 0.110) | 5 |\n"
    )
    old, new = revisions["numbers"](printed), revisions["numbers"](printed.replace("0.100", "0.050"))
    assert old["LaD, a year", "run s"] == 0.1 and new["LaD, a year", "MB"] == 5
    revisions["show"]({"old": old, "new": new})
    assert "| ('LaD, a year', 'run s') |   0.1 |  0.05 |         0.5 |" in capsys.readouterr().out


def test_towers_of_the_benchmark_of_many_sites(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "benchmarks")
    many = runpy.run_path(str(root / "benchmarks/many_sites.py"))
    rows = pd.DataFrame(
        {"TIMESTAMP_START": ["2011"] * 3, "TA": [1.0, -9999.0, 3.0], "LE_F_MDS": [100.0, 0.0, -9999.0]}
    )
    other = many["altered"](rows, np.random.default_rng(1))
    assert ((other == -9999) == (rows == -9999)).all().all() and other.TIMESTAMP_START.equals(
        rows.TIMESTAMP_START
    )
    shift = other.TA - rows.TA
    assert 0 < abs(shift[0]) < 2 and shift[0] == pytest.approx(shift[2])
    assert 0 < abs(other.LE_F_MDS[0] - 100) < 10 and other.LE_F_MDS[1] == 0
    config = checked(many["study_settings"]() | {"archives": "none"})
    assert list(config["models"]) == ["mlp"] and config["studies"]["all"] == []
