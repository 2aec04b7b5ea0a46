"""A survey: all members run freely through the record that a fit sees.

It gives the states from which windows start, and the losses in training and validation of free runs.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lad.errors import InputError
from lad.forcing import rows
from lad.integrate import recurrences, roll_out, spin_up
from lad.learn.data import LearningData
from lad.learn.objective import WEIGHTINGS, loss, simulated_fluxes
from lad.model import Model
from lad.state import State

FIRST_SPIN_UP = 3  # passes through the record, from a state that may be far off
NEXT_SPIN_UP = 1  # passes, from the states of the previous survey


class Surveyed(NamedTuple):
    """Result of a survey. Members are the last axis of what has rows."""

    starts: tuple[State, ...]  # (members,), where each segment begins
    before: State  # (n, members), state before each row
    losses: np.ndarray  # (2, members), training and validation


class Survey:
    """Surveys of the models that ``build(free)`` makes, for free numbers with a leading axis of members."""

    def __init__(
        self, build: Callable[[Any], Model], data: LearningData, solver: Callable, scale, label: str
    ):
        """`scale` (2,) divides the errors of the fluxes in the training loss; `label` begins an error.

        The validation loss is always that of `loss: variance`, so that fits with different losses can be compared.
        """
        self.data, self.label = data, label
        self.parts = [rows(data.forcing, segment) for segment in data.segments]
        self.passages = recurrences(data.time, data.segments, data.dt)

        @eqx.filter_jit
        def run(free, start, forcing):
            """States at the end of each row, and fluxes: rows first, then members."""

            def of_member(member):
                free, start = member
                _, trajectory = roll_out(solver, build(free), start, forcing, data.dt)
                return trajectory.state, simulated_fluxes(trajectory.rates)

            # One after the other: a single series compiles into one fast loop, a batch of networks does not.
            result = jax.lax.map(of_member, (free, start))
            return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), result)

        std = WEIGHTINGS["variance"](data.scale()[1])

        @jax.jit
        def losses(fluxes, observed, train, validation):
            judged = ((train, scale), (validation, std))
            return [
                jax.vmap(lambda f, m=m, s=s: loss(f, observed, m, s), in_axes=1)(fluxes) for m, s in judged
            ]

        self._run, self._losses = run, losses

    def begin(self, start: State, members: int) -> tuple[State, ...]:
        """`start` for every segment and member."""

        def spread(x):
            return jnp.broadcast_to(x, (members, *jnp.shape(x)))

        return tuple(jax.tree.map(spread, start) for _ in self.parts)

    def __call__(self, free, starts: tuple[State, ...], passes: int) -> Surveyed:
        """Survey after `passes` of spin-up from `starts`; raises InputError at the first value not finite."""
        starts = spin_up(
            lambda k, start: self._run(free, start, self.parts[k])[0], starts, self.passages, passes
        )
        before, fluxes = [], []
        for k, start in enumerate(starts):
            states, flux = self._run(free, start, self.parts[k])
            self._check_finite(k, states, flux)
            before.append(jax.tree.map(lambda s, x: jnp.concatenate([s[None], x[:-1]]), start, states))
            fluxes.append(flux)
        data = self.data
        losses = self._losses(jnp.concatenate(fluxes), data.observed, data.train, data.validation)
        whole = jax.tree.map(lambda *x: jnp.concatenate(x), *before)
        return Surveyed(starts, whole, np.stack(losses))

    def _check_finite(self, k: int, states: State, fluxes) -> None:
        named = {"LE": fluxes[..., 0], "H": fluxes[..., 1]}
        named |= {f"soil temperature {layer}": T for layer, T in enumerate(states.T, start=1)}
        named |= {"snow": states.snow, "root-zone water": states.root, "ground water": states.groundwater}
        bad = {name: ~np.isfinite(np.asarray(values)) for name, values in named.items()}
        firsts = {name: np.argwhere(broken)[0] for name, broken in bad.items() if broken.any()}
        if not firsts:
            return
        row, member = min(tuple(first) for first in firsts.values())
        names = [name for name, broken in bad.items() if broken[row, member]]
        when = self.data.time[self.data.segments[k].start + row]
        raise InputError(
            f"{self.label}: {', '.join(names)} of member {member} not finite in a free run, first at {str(when)[:16]}"
        )
