"""Metrics against values worked out by hand."""

import numpy as np
import pytest

from lad.errors import InputError
from lad.evaluation.metrics import (
    BETTER,
    METRICS,
    NEITHER,
    all_metrics,
    bias,
    bias_pct,
    kge,
    kge_2012,
    kge_2021,
    kurtosis_diff,
    metrics_where_defined,
    nme,
    nse,
    overlap,
    p5_diff,
    p95_diff,
    r,
    rmse,
    sd_diff,
    skewness_diff,
)

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
    # σ_s/σ_o = √(11/5), s̄/ō = 1.4, s̄ − ō = 1, σ_o = √(5/4)
    expected = np.hypot.reduce([7 / np.sqrt(55) - 1, np.sqrt(11 / 5) / 1.4 - 1, 0.4])
    assert kge_2012(SIMULATED, OBSERVED) == pytest.approx(1 - expected)
    expected = np.hypot.reduce([7 / np.sqrt(55) - 1, np.sqrt(11 / 5) - 1, 1 / np.sqrt(5 / 4)])
    assert kge_2021(SIMULATED, OBSERVED) == pytest.approx(1 - expected)


def test_against_a_package():
    """Values of HydroErr 2.0.0 (Roberts et al. 2018, Hydrology 5, 66)."""
    observed = np.array([66.7, 53.5, 45.8, 69.8, 44.3, 95.3, 72.3, 65.2, 18.6, 9.6, 20.3, 75.1])
    simulated = np.array([20.6, 39.7, 40.9, 62.5, 17.5, 74.1, 48.2, 45.0, 35.8, 0.6, 20.8, 78.3])
    scores = all_metrics(simulated, observed, "x")
    theirs = {
        "rmse": 20.283018348690938,
        "bias": -12.708333333333334,
        "nse": 0.3446360783736738,
        "kge": 0.6610356591947041,
        "kge_2012": 0.6312867256652763,
        "r": 0.7839003272514455,
    }
    assert {name: scores[name] for name in theirs} == pytest.approx(theirs)


def test_plumber_by_hand():
    assert nme(SIMULATED, OBSERVED) == pytest.approx((1 + 0 + 1 + 2) / (1.5 + 0.5 + 0.5 + 1.5))
    assert sd_diff(SIMULATED, OBSERVED) == pytest.approx(np.sqrt(11 / 5) - 1)
    # 5 % of the way from the first to the last of four is 0.15 of a step: 2 and 1.15; 95 %: 5.7 and 3.85
    assert p5_diff(SIMULATED, OBSERVED) == pytest.approx(2 - 1.15)
    assert p95_diff(SIMULATED, OBSERVED) == pytest.approx(5.7 - 3.85)


def test_distribution_by_hand():
    observed = np.array([0.0, 0.0, 0.0, 4.0])  # moments 3, 6, 21: skewness 6/3√3, kurtosis 21/9
    assert skewness_diff(4 - observed, observed) == pytest.approx(2)
    assert kurtosis_diff(4 - observed, observed) == pytest.approx(0)
    even = np.array([0.0, 0.0, 4.0, 4.0])  # skewness 0, kurtosis 1
    assert skewness_diff(even, observed) == pytest.approx(1)
    assert kurtosis_diff(even, observed) == pytest.approx(1 - 9 / 21)
    assert np.isnan(skewness_diff(observed, even))
    # two bins from 0 to 4, with 3 and 1 observed, 2 and 1 simulated; 5 lies in none
    assert overlap(np.array([0.0, 1.0, 4.0, 5.0]), observed) == pytest.approx(3 / 4)
    assert overlap(observed + 10, observed) == 0


@pytest.mark.parametrize("name", [name for name in METRICS if BETTER[name] != NEITHER])
def test_what_is_nearer_to_the_tower_is_better(name):
    """Of half the error, of two kinds: the table has the right sign for every metric."""
    observed = np.random.default_rng(0).gamma(2.0, 50.0, 2000)
    far = np.random.default_rng(1).normal(250.0, 30.0, 2000)
    near = (observed + far) / 2
    assert BETTER[name] * (METRICS[name](near, observed) - METRICS[name](far, observed)) > 0


def test_perfect_and_mean():
    skewed = np.array([1.0, 2.0, 3.0, 5.0])
    best = dict.fromkeys(METRICS, 0) | dict.fromkeys(
        ["nse", "kge", "r", "kge_2012", "kge_2021", "overlap"], 1
    )
    assert all_metrics(skewed, skewed, "x") == pytest.approx(best)
    assert nse(np.full(4, 2.5), OBSERVED) == pytest.approx(0)


def test_relative_bias_keeps_the_sign_of_the_bias_where_the_mean_is_negative():
    assert bias_pct(-OBSERVED + 1, -OBSERVED) == pytest.approx(40.0)


def test_constant_simulation_has_no_correlation():
    scores = all_metrics(np.full(4, 2.0), OBSERVED, "x")
    undefined = {name for name, score in scores.items() if np.isnan(score)}
    assert undefined == {"r", "kge", "kge_2012", "kge_2021", "skewness_diff", "kurtosis_diff"}
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
def test_undefined_scores_are_refused_with_their_label(simulated, observed, words):
    with pytest.raises(InputError, match=f"^XX-Tst, LE, mlp/0: .*{words}"):
        all_metrics(np.array(simulated), np.array(observed), "XX-Tst, LE, mlp/0")


def test_a_mean_of_equal_values_is_constant():
    thirds = np.array([0.1 + 0.2, 0.3, 0.3])  # they differ in the last bit
    assert np.isnan(r(thirds, OBSERVED[:3])) and np.isnan(skewness_diff(thirds, OBSERVED[:3]))


def test_kge_2021_is_the_one_that_a_mean_near_zero_leaves_meaningful():
    observed = np.array([-2.0, -1.0, 1.0, 2.001])
    assert kge(observed + 0.1, observed) < -300 and kge_2012(observed + 0.1, observed) < -300
    assert kge_2021(observed + 0.1, observed) == pytest.approx(1 - 0.1 / np.std(observed))


@pytest.mark.parametrize("observed", [OBSERVED, np.full(9, 3.0), np.array([-3.0, 3.0] * 5)])
def test_few_or_constant_values_have_no_scores(observed):
    scores = metrics_where_defined(observed + 1, observed, fewest=5)
    assert list(scores) == list(METRICS) and np.isnan(list(scores.values())).all()
    assert metrics_where_defined(OBSERVED, OBSERVED, fewest=4)["nse"] == 1
