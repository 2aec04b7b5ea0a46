"""First weights of a flux law: a regression on measured fluxes, with the states of LaD's own run among its inputs.

No differential equation is solved, so a step costs a hundredth of one on windows, and thousands are affordable. The
training that follows lets the law meet the states that it brings about itself.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.forcing import Forcing, rows
from lad.progress import Progress
from lad.settings import Descent
from lad.state import State
from lad.training.hybrid import Free, Hybrid, stacked
from lad.training.lanes import alike
from lad.training.loss import WEIGHTINGS, loss, simulated_fluxes
from lad.training.sites import Site

BATCH = 1024  # half-hours in a step, of all sites
MOST = 2_000_000  # half-hours that are drawn from, of all sites
LEARNING_RATE = 3e-3  # at first, before cosine decay
STRETCH = 500  # steps between two lines of progress


class Examples(NamedTuple):
    """Half-hours of one site that have a flux."""

    state: State  # (n,), in the middle of each interval, of LaD's own run
    forcing: Forcing  # (n,)
    observed: Float[Array, "n 2"]  # W m-2
    use: Float[Array, "n 2"]  # 1 where there is one


def pretrain(free: Free, hybrid: Hybrid, sites: Sequence[Site], settings: Descent, label: str) -> Free:
    """The weights of all members after `settings.pretraining` steps of Adam on random half-hours of `sites`.

    `hybrid` is that of any member. The loss is that of the training, of instantaneous fluxes; physical parameters stay
    as they are. Each process of a Slurm step makes the whole regression. Raises InputError where the loss ceases to be
    finite.
    """
    examples, anchors = _examples(sites), stacked([site.anchor for site in sites])
    scales = jnp.stack([WEIGHTINGS[settings.loss](site.data.scale()[1]) for site in sites])
    count, share = examples.observed.shape[1], max(1, BATCH // len(sites))
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, settings.pretraining)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))

    def mismatch(weights, shift, key, examples):
        here = hybrid.with_free(Free(weights, shift))

        def of_site(anchor, examples, scale, key):
            drawn = rows(examples, jax.random.randint(key, (share,), 0, count))
            rates = jax.vmap(here.at(anchor).prepare().rates)(drawn.state, drawn.forcing)
            return loss(simulated_fluxes(rates), drawn.observed, drawn.use, scale)

        return jnp.mean(jax.vmap(of_site)(anchors, examples, scales, jax.random.split(key, len(sites))))

    def of_member(weights, optimiser_state, shift, keys, examples):
        def step(carry, key):
            weights, optimiser_state = carry
            value, gradient = jax.value_and_grad(mismatch)(weights, shift, key, examples)
            update, optimiser_state = optimiser.update(gradient, optimiser_state, weights)
            return (optax.apply_updates(weights, update), optimiser_state), value

        return jax.lax.scan(step, (weights, optimiser_state), keys)

    stretch = jax.jit(jax.vmap(of_member, in_axes=(0, 0, 0, 0, None)))
    weights, optimiser_state = free.weights, jax.vmap(optimiser.init)(free.weights)
    progress = Progress(f"{label} regression", settings.pretraining)
    members = jax.random.split(jax.random.key(0), len(free.shift))
    keys = jax.vmap(lambda key: jax.random.split(key, settings.pretraining))(members)
    for done in range(0, settings.pretraining, STRETCH):
        drawn = keys[:, done : done + STRETCH]
        (weights, optimiser_state), values = stretch(weights, optimiser_state, free.shift, drawn, examples)
        if not jnp.isfinite(values).all():
            raise InputError(
                f"{label}: loss not finite in the regression, up to step {done + drawn.shape[1]}"
            )
        progress.update(done + drawn.shape[1], f"loss {values[:, -50:].mean():.4f}")
    return Free(weights, free.shift)


def _examples(sites: Sequence[Site]) -> Examples:
    """Examples of all sites (sites, n): those of a shorter record are repeated, some of the longest left out."""
    chosen = [np.flatnonzero(site.data.train.any(axis=1)) for site in sites]
    count = min(max(map(len, chosen)), MOST // len(sites))

    def of_site(site: Site, forcing: Forcing, index: np.ndarray) -> Examples:
        data, before = site.data, np.arange(len(site.data.time)) - 1
        for segment in data.segments:
            before[segment.start] = segment.start  # no state is known before
        state = jax.tree.map(lambda x: 0.5 * (x + x[before]), site.states)
        capacity = site.anchor.space.parameters(site.anchor.origin).Wmax  # the same share of it is full
        state = dataclasses.replace(state, root=state.root * (capacity / site.reference.Wmax))
        some = np.random.default_rng(0).permutation(index)[np.arange(count) % len(index)]
        return rows(Examples(state, forcing, data.observed, data.train), some)

    return stacked([of_site(*one) for one in zip(sites, alike(sites), chosen, strict=True)])
