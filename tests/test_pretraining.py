"""First weights by regression."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from learning_tower import LAW, descent, read_tower, write_tower

from lad.errors import InputError
from lad.integrate import fast
from lad.settings import ModelSettings
from lad.training import pretraining
from lad.training.free_run import FreeRuns
from lad.training.hybrid import Hybrid, stacked, training_scaling, untrained_law
from lad.training.training import train as lad_train


@pytest.fixture
def tower(tmp_path):
    return write_tower(tmp_path)


def runs_of(sites, model, seeds=2):
    """Free runs of untrained hybrids at `sites`, and what is trained of them."""
    shift = jnp.full(8, 0.1)
    hybrids = [
        Hybrid(untrained_law(model, training_scaling(sites, model), seed), shift) for seed in range(seeds)
    ]
    free = stacked([hybrid.free() for hybrid in hybrids])
    build = lambda free, anchor: hybrids[0].with_free(free).at(anchor)  # noqa: E731
    return free, FreeRuns(build, sites, fast(), "variance", "x", lambda free: free.shift)


def test_regression_that_diverges_is_one_line(tower, monkeypatch):
    monkeypatch.setattr(pretraining, "LEARNING_RATE", 1e300)
    with pytest.raises(InputError, match=r"^train: loss not finite in the regression, up to step 2$"):
        lad_train([read_tower(tower)], ModelSettings(**LAW), descent(pretraining=10))


def test_regression_lowers_the_validation_loss_by_weights_alone(tower):
    """Of each member the best round is kept; the same again gives the same."""
    site = read_tower(tower)
    free, runs = runs_of([site], ModelSettings(**LAW))
    before = runs(free, runs.begin(2), 3).losses[1]
    found, again = (pretraining.pretrain(free, runs, 600) for _ in range(2))
    after = runs(found, runs.begin(2), 3).losses[1]
    assert after.mean() < 0.8 * before.mean() and after[0] != after[1]
    assert (found.shift == free.shift).all()
    same = jax.tree.map(lambda a, b: bool((a == b).all()), found.weights, again.weights)
    assert all(jax.tree.leaves(same))


@pytest.mark.slow
def test_rounds_teach_a_law_that_drifts_what_to_do_there(tower, monkeypatch):
    """LE and H of the tower do not close the energy balance: a law of LaD's states alone drifts away from them."""
    losses = {}
    for rounds in (1, 4):
        monkeypatch.setattr(pretraining, "ROUNDS", rounds)
        free, runs = runs_of([read_tower(tower)], ModelSettings(**LAW))
        found = pretraining.pretrain(free, runs, 800)
        losses[rounds] = runs(found, runs.begin(2), 3).losses[1]
    assert (losses[4] < 0.7 * losses[1]).all()


@pytest.mark.slow
def test_training_with_a_regression_begins_elsewhere_at_one_site_or_two(tower):
    sites = [read_tower(tower), read_tower(tower)._replace(site_id="YY-Tst")]
    begun = {}
    for count, settings in ((1, {}), (1, {"pretraining": 3}), (2, {"pretraining": 3})):
        trained = lad_train(sites[:count], ModelSettings(**LAW), descent(steps=1, **settings))
        begun[count, bool(settings)] = trained.history.validation_loss[0]
    assert np.isfinite(list(begun.values())).all() and len({*begun.values()}) == 3


def test_regression_sees_the_state_in_the_middle_of_each_interval(tower):
    """Nothing is known before a segment begins or behind it; the same share of the root zone is full."""
    site = read_tower(tower)
    n = len(site.data.time)
    halves = (slice(0, n // 2), slice(n // 2, n))
    data = dataclasses.replace(site.data, segments=halves)
    site = site._replace(data=data, states=dataclasses.replace(site.states, snow=np.arange(n) * 1.0))
    middle = pretraining._middle(pretraining._reference(site), site, np.arange(n))
    expected = np.arange(n) - 0.5
    expected[[0, n // 2]] += 0.5
    expected[[n // 2 - 1, n - 1]] -= 0.5
    np.testing.assert_allclose(middle.snow, expected)
    half = dataclasses.replace(site.reference, Wmax=0.5 * site.reference.Wmax)
    np.testing.assert_allclose(
        pretraining._reference(site._replace(reference=half)).root, 2.0 * pretraining._reference(site).root
    )
