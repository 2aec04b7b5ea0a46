"""First weights by regression."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from learning_tower import LAW, descent, read_tower, write_tower

from lad.errors import InputError
from lad.forcing import rows
from lad.settings import ModelSettings
from lad.training import pretraining
from lad.training.hybrid import Hybrid, stacked, training_scaling, untrained_law
from lad.training.loss import loss, simulated_fluxes
from lad.training.training import train as lad_train


@pytest.fixture
def tower(tmp_path):
    return write_tower(tmp_path)


def test_regression_that_diverges_is_one_line(tower, monkeypatch):
    monkeypatch.setattr(pretraining, "LEARNING_RATE", 1e300)
    with pytest.raises(InputError, match=r"^train: loss not finite in the regression, up to step 3$"):
        lad_train([read_tower(tower)], ModelSettings(**LAW), descent(pretraining=3))


def test_regression_lowers_the_error_of_fluxes_in_lads_states_by_weights_alone(tower):
    site, model = read_tower(tower), ModelSettings(**LAW)
    hybrids = [
        Hybrid(untrained_law(model, training_scaling([site], model), seed), jnp.full(8, 0.1))
        for seed in (0, 1)
    ]
    free = stacked([hybrid.free() for hybrid in hybrids])

    def loss_of(free, seed):
        column = hybrids[0].with_free(rows(free, seed)).at(site.anchor)
        fluxes = simulated_fluxes(jax.vmap(column.rates)(site.states, site.data.forcing))
        return float(loss(fluxes, site.data.observed, site.data.train, site.data.scale()[1]))

    found, again = (
        pretraining.pretrain(free, hybrids[0], [site], descent(pretraining=600), "x") for _ in range(2)
    )
    assert all(loss_of(found, seed) < 0.05 * loss_of(free, seed) for seed in (0, 1))
    assert (found.shift == free.shift).all()
    same = jax.tree.map(lambda a, b: bool((a == b).all()), found.weights, again.weights)
    assert all(jax.tree.leaves(same)) and loss_of(found, 0) != loss_of(found, 1)


def test_training_with_a_regression_begins_elsewhere_at_one_site_or_two(tower):
    sites = [read_tower(tower), read_tower(tower)._replace(site_id="YY-Tst")]
    begun = {}
    for count, settings in ((1, {}), (1, {"pretraining": 3}), (2, {"pretraining": 3})):
        trained = lad_train(sites[:count], ModelSettings(**LAW), descent(steps=1, **settings))
        begun[count, bool(settings)] = trained.history.validation_loss[0]
    assert np.isfinite(list(begun.values())).all() and len({*begun.values()}) == 3


def test_regression_sees_the_state_in_the_middle_of_each_interval(tower):
    """Nothing is known before a segment begins; the same share of the root zone is full, whatever its size."""
    site = read_tower(tower)
    n = len(site.data.time)
    halves = (slice(0, n // 2), slice(n // 2, n))
    data = dataclasses.replace(site.data, segments=halves, train=np.ones((n, 2)))
    site = site._replace(data=data, states=dataclasses.replace(site.states, snow=np.arange(n) * 1.0))
    twice = dataclasses.replace(site.reference, Wmax=0.5 * site.reference.Wmax)
    found = pretraining._examples([site._replace(reference=twice)])
    middle = np.sort(np.asarray(found.state.snow[0]))
    expected = np.arange(n) - 0.5
    expected[[0, n // 2]] += 0.5
    np.testing.assert_allclose(middle, np.sort(expected))
    plain = pretraining._examples([site])
    np.testing.assert_allclose(found.state.root, 2.0 * plain.state.root)
