"""Metrics against values worked out by hand."""

import numpy as np
import pytest

from lad.errors import InputError
from lad.evaluation.metrics import all_metrics, bias, bias_pct, kge, nse, r, rmse

OBSERVED = np.array([1.0, 2.0, 3.0, 4.0])
SIMULATED = np.array([2.0, 2.0, 4.0, 6.0])  # errors 1, 0, 1, 2


def test_by_hand():
    assert rmse(SIMULATED, OBSERVED) == pytest.approx(np.sqrt(6 / 4))
    assert bias(SIMULATED, OBSERVED) == pytest.approx(1.0)
    assert bias_pct(SIMULATED, OBSERVED) == pytest.approx(40.0)
    assert nse(SIMULATED, OBSERVED) == pytest.approx(1 - 6 / 5)
    # deviations −1.5 −0.5 0.5 1.5 and −1.5 −1.5 0.5 2.5: products sum to 7, squares to 5 and 11
    assert r(SIMULATED, OBSERVED) == pytest.approx(7 / np.sqrt(5 * 11))
    expected = np.hypot.reduce([7 / np.sqrt(55) - 1, np.sqrt(11 / 5) - 1, 3.5 / 2.5 - 1])
    assert kge(SIMULATED, OBSERVED) == pytest.approx(1 - expected)


def test_perfect_and_mean():
    scores = all_metrics(OBSERVED, OBSERVED, "x")
    assert scores == pytest.approx({"rmse": 0, "bias": 0, "bias_pct": 0, "nse": 1, "kge": 1, "r": 1})
    assert nse(np.full(4, 2.5), OBSERVED) == pytest.approx(0)


def test_relative_bias_keeps_the_sign_of_the_bias_where_the_mean_is_negative():
    assert bias_pct(-OBSERVED + 1, -OBSERVED) == pytest.approx(40.0)


def test_constant_simulation_has_no_correlation():
    scores = all_metrics(np.full(4, 2.0), OBSERVED, "x")
    assert np.isnan([scores["r"], scores["kge"]]).all()
    assert scores["bias"] == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("simulated", "observed", "words"),
    [
        ([], [], "no usable half-hour"),
        ([1.0, 2.0], [3.0, 3.0], "all 2 observed values are 3"),
        ([1.0, 2.0], [-3.0, 3.0], "observed mean is zero"),
        ([1.0, np.nan], [1.0, 3.0], "1 of 2 simulated values are not finite"),
        ([1.0, 2.0], [np.inf, 3.0], "1 of 2 observed values are not finite"),
        ([1.0, 2.0, 3.0], [1.0, 3.0], r"\(3,\) simulated for \(2,\) observed"),
    ],
)
def test_undefined_scores_are_told_with_their_label(simulated, observed, words):
    with pytest.raises(InputError, match=f"^XX-Tst, LE, mlp/0: .*{words}"):
        all_metrics(np.array(simulated), np.array(observed), "XX-Tst, LE, mlp/0")
