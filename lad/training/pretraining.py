"""A first guess of the weights of a flux law: regression on measured fluxes, with the states of LaD's own free run.

No differential equation is solved, so a step costs a hundredth of one on windows. The training that follows lets the
law meet the states that it brings about itself.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lad.forcing import rows
from lad.model import latent_heat
from lad.training.hybrid import Free, Hybrid
from lad.training.loss import loss, weighted
from lad.training.sites import Site

BATCH = 1024  # half-hours of each site
LEARNING_RATE = 3e-3


def pretrained(free: Free, untrained: Hybrid, sites: Sequence[Site], weighting: str, steps: int) -> Free:
    """`free`, of all members, after `steps` on random half-hours; physical parameters stay as they are."""
    examples = [_examples(site, weighting) for site in sites]
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, steps)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))

    def mismatch(weights, shift, key):
        hybrid, total = untrained.with_free(Free(weights, shift)), 0.0
        for site, (index, state, forcing, observed, use, scale) in zip(sites, examples, strict=True):
            key, own = jax.random.split(key)
            drawn = index[jax.random.randint(own, (BATCH,), 0, len(index))]
            model = hybrid.at(site.anchor).prepare()
            rates = jax.vmap(model.rates)(rows(state, drawn), rows(forcing, drawn))
            fluxes = jnp.stack([latent_heat(rates), rates.H], axis=-1)
            total += loss(fluxes, observed[drawn], use[drawn], scale) / len(sites)
        return total

    def of_member(weights, shift, key):
        def step(carry, key):
            weights, state = carry
            value, gradient = jax.value_and_grad(mismatch)(weights, shift, key)
            update, state = optimiser.update(gradient, state, weights)
            return (optax.apply_updates(weights, update), state), value

        (weights, _), values = jax.lax.scan(
            step, (weights, optimiser.init(weights)), jax.random.split(key, steps)
        )
        return weights, values

    members = len(free.shift)
    keys = jax.random.split(jax.random.key(0), members)
    weights, values = jax.jit(jax.vmap(of_member))(free.weights, free.shift, keys)
    print("pretraining", np.asarray(values[:, :50].mean(axis=1)), np.asarray(values[:, -50:].mean(axis=1)))
    return Free(weights, free.shift)


def _examples(site: Site, weighting: str):
    """Half-hours with a flux, states in the middle of each interval, forcing, fluxes, weights and scale."""
    scale, use = weighted(site.data, weighting)
    middle = jax.tree.map(lambda x: 0.5 * (x + np.roll(x, 1)), site.states)
    capacity = site.anchor.space.parameters(site.anchor.origin).Wmax
    middle = dataclasses.replace(middle, root=middle.root * (capacity / site.reference.Wmax))
    index = jnp.asarray(np.flatnonzero(use.any(axis=1)))
    return (index, *jax.tree.map(jnp.asarray, (middle, site.data.forcing, site.data.observed, use, scale)))
