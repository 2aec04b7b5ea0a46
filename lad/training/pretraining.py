"""First weights of a flux law: a regression on measured fluxes, with states of free runs among its inputs.

No differential equation is solved, so a step costs a hundredth of one on windows, and thousands are affordable. The
states are at first those of LaD's own run. A law that has learnt only from these may drift to states that it has never
seen, so the regression continues in rounds: free runs of the members add the states that they reach (DAgger: Ross et
al. 2011, AISTATS 15, 627-635).
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.forcing import Forcing, rows
from lad.progress import Progress
from lad.state import State
from lad.training.devices import everywhere
from lad.training.free_run import FreeRuns
from lad.training.hybrid import Free, stacked
from lad.training.lanes import alike, rounded_up
from lad.training.loop import select
from lad.training.loss import loss, simulated_fluxes
from lad.training.sites import FIRST_SPIN_UP, Site

ROUNDS = 5  # stretches of steps, each followed by free runs
BATCH = 1024  # half-hours in a step, of all sites
MOST = 500_000  # half-hours to draw from, of all sites
LEARNING_RATE = 3e-3  # at first, before cosine decay


class Examples(NamedTuple):
    """Half-hours of one site that have a flux."""

    forcing: Forcing  # (n,)
    observed: Float[Array, "n 2"]  # W m-2
    use: Float[Array, "n 2"]  # 1 where measured


def pretrain(free: Free, runs: FreeRuns, steps: int) -> Free:
    """The weights of all members after `steps` of Adam on random half-hours of the sites of `runs`.

    The loss is that of `runs`, of instantaneous fluxes; physical parameters stay as they are. Each member is kept as
    it was after the round whose free runs had its lowest validation loss. Every process of a Slurm step makes the
    whole regression. Raises InputError if its loss becomes non-finite, and as `runs`.
    """
    sites, members, begin = runs.sites, len(free.shift), runs.begin(len(free.shift))
    lanes, share = jax.tree.map(jnp.asarray, rows(runs.lanes, slice(len(sites)))), max(1, BATCH // len(sites))
    chosen, count = _chosen(sites)
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))
    )

    def mismatch(weights, free, key, data, states, limits):
        def of_site(anchor, scale, examples, states, key):
            row, of_round = (
                jax.random.randint(own, (share,), 0, most)
                for own, most in zip(jax.random.split(key), limits, strict=True)
            )
            law = runs.build(free._replace(weights=weights), anchor).prepare()
            drawn = rows(examples, row)
            rates = jax.vmap(law.rates)(jax.tree.map(lambda x: x[of_round, row], states), drawn.forcing)
            return loss(simulated_fluxes(rates), drawn.observed, drawn.use, scale)

        keys = jax.random.split(key, len(sites))
        return jnp.mean(jax.vmap(of_site)(*data, states, keys))

    @eqx.filter_jit  # properties of sites are data: sites share the program
    def stretch(weights, optimiser_state, free, keys, data, states, limits):
        def of_member(weights, optimiser_state, free, keys, states):
            def step(carry, key):
                weights, optimiser_state = carry
                value, slope = jax.value_and_grad(mismatch)(weights, free, key, data, states, limits)
                update, optimiser_state = optimiser.update(slope, optimiser_state, weights)
                return (optax.apply_updates(weights, update), optimiser_state), value

            return jax.lax.scan(step, (weights, optimiser_state), keys)

        return jax.vmap(of_member)(weights, optimiser_state, free, keys, states)

    data = lanes.anchor, lanes.scale, _examples(sites, chosen)
    first = stacked(
        [_middle(_reference(site), site, index) for site, index in zip(sites, chosen, strict=True)]
    )
    states = jax.tree.map(lambda x: np.repeat([x], members, 0)[:, :, None].repeat(ROUNDS, 2), first)
    weights, optimiser_state = free.weights, jax.vmap(optimiser.init)(free.weights)
    best, lowest = weights, np.full(members, np.inf)
    progress = Progress(f"{runs.label} regression", steps)
    keys = jax.random.split(jax.random.key(0), (members, steps))
    for number, part in enumerate(np.array_split(np.arange(steps), min(ROUNDS, steps)), start=1):
        limits = jnp.asarray(count), jnp.asarray(number)  # half-hours, and rounds of free runs so far
        (weights, optimiser_state), values = stretch(
            weights, optimiser_state, free, keys[:, part], data, states, limits
        )
        if not jnp.isfinite(values).all():
            raise InputError(f"{runs.label}: loss not finite in the regression, up to step {part[-1] + 1}")
        ran = runs(free._replace(weights=weights), begin, FIRST_SPIN_UP)
        better = ran.losses[1] < lowest
        best = select(better, weights, best)
        lowest = np.where(better, ran.losses[1], lowest)
        progress.update(
            part[-1] + 1,
            f"loss {values[:, -1].mean():.4f}  validation {ran.losses[1].mean():.4f} (means of {members})",
        )
        if number < ROUNDS:
            before = everywhere(ran.before, runs.devices)
            for member, place in np.ndindex(members, len(sites)):
                own = _middle(rows(rows(before, member), place), sites[place], chosen[place])
                for array, values in zip(jax.tree.leaves(states), jax.tree.leaves(own), strict=True):
                    array[member, place, number] = values
    return free._replace(weights=best)


def _chosen(sites: Sequence[Site]) -> tuple[np.ndarray, int]:
    """Rows (sites, n) with a flux in random order, and how many of them count: the others only pad.

    Rows of a shorter record are repeated; some of the longest are left out.
    """
    index = [np.flatnonzero(site.data.train.any(axis=1)) for site in sites]
    count = min(max(map(len, index)), MOST // len(sites))
    place = np.arange(rounded_up(count, BATCH))
    return np.stack([np.random.default_rng(0).permutation(own)[place % len(own)] for own in index]), count


def _examples(sites: Sequence[Site], chosen: np.ndarray) -> Examples:
    """The rows `chosen` of each site."""
    forcings = zip(sites, alike(sites), chosen, strict=True)
    return stacked(
        [rows(Examples(forcing, site.data.observed, site.data.train), own) for site, forcing, own in forcings]
    )


def _reference(site: Site) -> State:
    """States before each row (n,) of LaD's own run, with the same relative fill of the root zone, whatever its size."""
    capacity = site.anchor.space.parameters(site.anchor.origin).Wmax
    state = dataclasses.replace(site.states, root=site.states.root * (capacity / site.reference.Wmax))
    return rows(jax.tree.map(np.asarray, state), site.data.before)


def _middle(before: State, site: Site, chosen: np.ndarray) -> State:
    """States in the middle of the intervals `chosen`, from those `before` each row (n or more)."""
    after = chosen + 1
    last = np.isin(chosen, [segment.stop - 1 for segment in site.data.segments])
    after = np.where(last, chosen, after)
    return jax.tree.map(lambda x: 0.5 * (np.asarray(x)[chosen] + np.asarray(x)[after]), before)
