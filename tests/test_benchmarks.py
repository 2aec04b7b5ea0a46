"""The benchmark fits the package: its cases are traced, not run."""

import runpy

import equinox as eqx
import jax
import numpy as np
import pytest

from lad.forcing import VARIABLES


@pytest.fixture(scope="module")
def speed(root) -> dict:
    return runpy.run_path(str(root / "benchmarks/speed.py"))


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
