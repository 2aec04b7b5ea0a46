"""Fit free parameters of a model by gradient descent through its solver, in rounds (`lad.learn.rounds`)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lad.forcing import rows
from lad.integrate import roll_out
from lad.learn.data import LearningData, window_starts
from lad.learn.diagnosis import check_sound, describe_failure
from lad.learn.objective import WEIGHTINGS, loss, simulated_fluxes, surface_penalty
from lad.learn.rounds import Fit, Progressing, Settings, gradient_steps, rounds
from lad.learn.survey import Survey, Surveyed
from lad.model import Model
from lad.state import State


def fit(
    build: Callable[[Any], Model],
    free: Any,
    start: State,
    data: LearningData,
    solver: Callable,
    settings: Settings,
    *,
    seed: int,
    label: str,
    checkpoint: Path,
    fingerprint: str,
    surface: Any = None,
) -> Fit:
    """Fit `free`, arrays with a leading axis of members, so that ``build(of a member)`` matches measured fluxes.

    `start` is where the first spin-up begins; `checkpoint` and `fingerprint` are those of `rounds`. With `surface`
    (n,), the surface temperature (K) of another model, steps are held to its mean (`surface_penalty`). Raises
    InputError when loss or parameters cease to be finite.
    """
    settings.check_interval(data.dt, label)
    members = len(jax.tree.leaves(free)[0])
    scale = jnp.asarray(WEIGHTINGS[settings.loss](data.scale()[1]))
    survey = Survey(build, data, solver, scale, label)

    def mismatch(free, states, batch):
        """Loss of the model of one member over windows of forcing, observed fluxes, their use, surface temperature."""
        forcing, observed, use, surface = batch
        model = build(free)
        _, trajectory = jax.vmap(lambda s, f: roll_out(solver, model, s, f, data.dt))(states, forcing)
        value = loss(simulated_fluxes(trajectory.rates), observed, use, scale)
        return value if surface is None else value + surface_penalty(trajectory.state.T[0], surface)

    def mismatches(free, states, visible, windows, within):
        """Losses of all members."""

        def of_member(free, states, windows):
            return mismatch(free, rows(states, windows), rows(visible, windows[:, None] + within))

        return jax.vmap(of_member, in_axes=(0, 1, 0))(free, states, windows)

    steps = gradient_steps(mismatches, settings.optimiser())
    visible = (data.forcing, jnp.asarray(data.observed), jnp.asarray(data.train), surface)

    def descend(now: Progressing, surveyed: Surveyed, count: int):
        done = int(now.step)
        rng = np.random.default_rng([seed, done])
        length, batch = settings.windows(done, data.dt)
        first_rows = window_starts(data, length, int(rng.integers(length)))
        windows = rng.choice(first_rows, size=(count, members, batch), replace=True)

        def after(count: int):
            drawn = jnp.asarray(windows[:count])
            return steps(now.free, now.optimiser, surveyed.before, drawn, length, visible)

        def where(free, step: int, member: int) -> str:
            of_window = partial(_window_loss, mismatch, _member(surveyed.before, member), visible)
            told = describe_failure(of_window, free, windows[step, member], length, data.time)
            return told or "in no single window"

        free, optimiser_state, (_, sound) = after(count)
        check_sound(np.asarray(sound), lambda step: after(step)[0], where, label, done)
        return free, optimiser_state

    return rounds(
        free,
        survey.begin(start, members),
        survey,
        descend,
        settings,
        label=label,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
    )


def _member(states: State, member: int) -> State:
    """States (n,) of one member of those (n, members) of a survey."""
    return jax.tree.map(lambda x: x[:, member], states)


def _window_loss(mismatch, states, visible, free, index, counted):
    """Loss over the window of the rows `index` (length,), of what `counted` (length, 2) counts."""
    forcing, observed, use, surface = rows(visible, index[None])
    return mismatch(free, rows(states, index[:1]), (forcing, observed, use * counted, surface))
