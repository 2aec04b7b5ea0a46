"""Free runs of all members of a fit through the records of all its sites.

They give the states from which windows start, the losses in training and validation, and, by forward sensitivities, how
the training loss depends on slow physical parameters: the capacity of the root zone matters months later, beyond any
window of some days.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from lad.errors import InputError
from lad.forcing import rows
from lad.integrate import packed
from lad.model import Model, check_precision
from lad.state import State
from lad.training.devices import ALIKE, BY_SITE, SITES, at_once, each, everywhere, mesh, over_sites, put
from lad.training.lanes import Lanes, lanes
from lad.training.loss import loss, simulated_fluxes
from lad.training.sites import Anchor, Site, at_step
from lad.training.space import SLOW

NEXT_SPIN_UP = 1  # passes, from the states of the previous free runs
UNDETERMINED = (
    1e-3  # curvature along slow free numbers, relative to the largest, below which no step is taken
)
LONGEST_STEP = 0.25  # of a slow free number, between free runs
MEMBERS_BY_SITE = PartitionSpec(None, SITES)


class Course(eqx.Module):
    """A state, and how it depends on some free numbers of the physical parameters."""

    state: State  # (...)
    slopes: State | None = None  # (..., k), by these numbers; None where not computed


class Ran(NamedTuple):
    """Result of free runs."""

    free: Any  # free numbers that the runs were made with
    starts: Course  # (members, sites, segments), in the memory of each process, without lanes that only fill devices
    before: State  # (members, lanes, n), state before each row, on the devices
    losses: np.ndarray  # (2, members), training and validation, means over the sites


class FreeRuns:
    """Free runs of the models that ``build(free, anchor)`` makes at each of `sites`, each device running its own.

    The free numbers `free` have a leading axis of members. `weighting` is a key of `WEIGHTINGS`, for the training loss;
    the validation loss always uses `variance`, so that fits with different losses can be compared. All sites run at
    the shortest of their intervals. Errors and progress lines begin with `label`. `physical` finds the free numbers
    of the physical parameters among `free`.
    """

    def __init__(
        self,
        build: Callable[[Any, Anchor], Model],
        sites: Sequence[Site],
        solver: Callable,
        weighting: str,
        label: str,
        physical: Callable[[Any], Array] | None = None,
    ):
        self.physical = physical
        self.slow = np.array([n for n, b in enumerate(sites[0].anchor.space.bounds) if b.name in SLOW])
        self.build, self.solver, self.label = build, solver, label
        self.dt = min(site.data.dt for site in sites)
        self.sites = [at_step(site, self.dt) for site in sites]
        self.devices = mesh(len(sites))
        self.lanes, self._starts = lanes(self.sites, weighting, self.devices.size)
        self.shared = put(self.lanes, self.devices)
        self._pass = self._compiled(self._judged)
        self._sensitive_pass = self._compiled(partial(self._sensitive, self.slow))

    def _compiled(self, function: Callable) -> Callable:
        """`function` of one member at one site, applied to all, see `_members_by_site`."""
        shared = over_sites(self.devices, (ALIKE, BY_SITE, MEMBERS_BY_SITE), MEMBERS_BY_SITE)
        return eqx.filter_jit(shared(partial(self._members_by_site, function)))

    def model(self, free: Any, lane: Lanes) -> Model:
        """The model of one member at one site."""
        return self.build(free, lane.anchor)

    def begin(self, members: int, slopes: bool = False) -> Course:
        """Start of the first spin-up of each member, site and segment; with `slopes`, zero at this point."""
        state = jax.tree.map(lambda x: np.broadcast_to(x, (members, *x.shape)), self._starts)
        zeros = jax.tree.map(lambda x: np.zeros((*x.shape, len(self.slow))), state)
        return Course(state, zeros if slopes else None)

    def __call__(self, free: Any, starts: Course, passes: int) -> Ran:
        """Free runs after `passes` of spin-up from `starts`; raises InputError at the first non-finite value.

        Where `starts` have slopes, the slow parameters take a step after the spin-up, see `_steps`.
        """
        starts = self._placed(starts)
        free = jax.device_get(free)  # the same in each process, unlike arrays on one of its devices
        sensitive = starts.slopes is not None
        for _ in range(passes):
            if sensitive:
                starts, gradient, curvature = self._sensitive_pass(free, self.shared, starts)
            else:
                starts = Course(self._pass(free, self.shared, starts.state)[0])
        if sensitive and passes:
            steps = self._steps(*everywhere((gradient, curvature), self.devices))
            numbers = np.array(self.physical(free))
            numbers[:, self.slow] += steps
            free = eqx.tree_at(self.physical, free, numbers)
            starts = Course(_moved(starts, jnp.asarray(steps)), starts.slopes)
        slopes, starts = starts.slopes, starts.state
        _, before, losses, sound = self._pass(free, self.shared, starts)
        starts = Course(starts, slopes)
        starts, losses, sound = everywhere((starts, losses, sound), self.devices)
        for member, site in np.argwhere(~sound):
            raise InputError(f"{self.label}: {self._failure(free, starts.state, member, site)}")
        starts = jax.tree.map(lambda x: x[:, : len(self.sites)], starts)
        return Ran(free, starts, before, np.einsum("msk,s->km", losses, self.lanes.share))

    def _placed(self, starts: Course) -> Course:
        """Starts (members, sites, segments) on the devices, padded with starts that only fill them."""
        fillers = len(self.lanes.share) - len(self.sites)
        starts = jax.tree.map(lambda x: np.concatenate([x, *[x[:, :1]] * fillers], axis=1), starts)
        return jax.device_put(starts, NamedSharding(self.devices, MEMBERS_BY_SITE))  # as a pass gives them

    def curvature(self, free: Any, starts: State) -> Float[np.ndarray, "k k"]:
        """Gauss-Newton Hessian of the training loss of one member, by the free numbers of its physical parameters.

        Its free runs begin with `starts` (sites, segments), held fixed.
        """
        numbers = np.arange(self.physical(free).size)
        zeros = jax.tree.map(lambda x: np.zeros((*x.shape, numbers.size)), starts)
        free, course = jax.tree.map(lambda x: x[None], (free, Course(starts, zeros)))
        hessian = self._compiled(partial(self._sensitive, numbers))
        _, _, curvature = hessian(free, self.shared, self._placed(course))
        return np.einsum("sij,s->ij", everywhere(curvature, self.devices)[0], self.lanes.share)

    def _steps(self, gradient: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Gauss-Newton steps (members, k) of the slow numbers on the training loss of free runs.

        If fluxes were linear in the numbers, they would reach the lowest loss; none is longer than `LONGEST_STEP`.
        """
        # Where these are not finite there is no step: the next run fails too, and reports where.
        gradient, curvature = (
            np.nan_to_num(np.einsum("ms...,s->m...", x, self.lanes.share), posinf=0.0, neginf=0.0)
            for x in (gradient, curvature)
        )
        # What the fluxes hardly determine stays as it is.
        inverse = np.linalg.pinv(curvature, rcond=UNDETERMINED, hermitian=True)
        steps = -np.einsum("mij,mj->mi", inverse, gradient)
        return np.clip(steps, -LONGEST_STEP, LONGEST_STEP)

    def _members_by_site(self, function: Callable, free: Any, lanes: Lanes, starts: Any):
        """`function` of each member and each site of a device; leading axes of the result: members, sites."""
        longest = lanes.length.max()

        # One after the other: a single series compiles into one fast loop, a batch of networks does not.
        def of_member(item):
            free, starts = item
            return each(lambda site: function(free, *site, longest), (lanes, starts))

        return each(of_member, (free, starts))

    def _judged(self, free: Any, lane: Lanes, starts: State, longest):
        """For one member at one site: starts of the next pass, states before each row, losses, whether all is finite.

        The next pass begins with the mean of the states at the same time of year, as in `lad.integrate.spin_up`.
        """
        before, ends, fluxes = self._series(free, lane, starts, longest)
        losses = [
            loss(fluxes, lane.observed, use, std)
            for use, std in ((lane.train, lane.scale), (lane.validation, lane.std))
        ]
        sound = jnp.stack([jnp.isfinite(x).all() for x in (fluxes, *jax.tree.leaves(ends))]).all()
        return _next_starts(ends, lane), before, jnp.stack(losses), sound

    def _sensitive(self, which: Int[np.ndarray, " k"], free: Any, lane: Lanes, starts: Course, longest):
        """For one member at one site: starts of the next pass, gradient (k,) and Gauss-Newton Hessian (k, k) of the
        training loss by the physical numbers `which`."""
        arrays, static = eqx.partition(self.model(free, lane).prepare(), eqx.is_inexact_array)

        def of_numbers(values):
            numbers = self.physical(free).at[which].set(values)
            model = self.model(eqx.tree_at(self.physical, free, numbers), lane)
            return eqx.filter(model.prepare(), eqx.is_inexact_array)

        by_number = jax.jacfwd(of_numbers)(self.physical(free)[which])

        def interval(carry, row):
            course, *sums = carry
            forcing, opens, observed, use = row
            course = jax.tree.map(lambda s, x: jnp.where(opens < 0, s, x[opens]), course, starts)

            def advance(arrays, state):
                end, mean = self.solver(eqx.combine(arrays, static), self.dt)(state, forcing)
                return end, simulated_fluxes(mean)

            def along(*tangents):
                return jax.jvp(advance, (arrays, course.state), tangents)

            # One run for the tangents of all numbers.
            axes = ((None, None), (-1, -1))
            (end, fluxes), (slopes, by) = jax.vmap(along, in_axes=-1, out_axes=axes)(by_number, course.slopes)
            error, by = (fluxes - observed) / lane.scale, by / lane.scale[:, None]
            course = Course(end, slopes)
            return (course, sums[0] + use * error @ by, sums[1] + (by.T * use) @ by), course

        count = longest if at_once() else lane.length
        weight = lane.train / jnp.maximum(lane.train.sum(axis=0), 1.0)
        table = lane.forcing, lane.opens, lane.observed, weight
        begin = rows(starts, 0), jnp.zeros(which.size), jnp.zeros((which.size, which.size))
        (_, gradient, curvature), ends = _scan(interval, begin, table, lane.length, count)
        return _next_starts(ends, lane), gradient, curvature

    def _series(self, free: Any, lane: Lanes, starts: State, longest):
        """States before and at the end of each row, and fluxes (n, 2), of one member at one site.

        Sites side by side step together, for as many rows as the `longest` has.
        """
        check_precision(free, lane.forcing)
        model = self.model(free, lane).prepare()
        advance = self.solver(model, self.dt)

        def interval(state, row):
            forcing, opens = row
            state = jax.tree.map(lambda s, x: jnp.where(opens < 0, s, x[opens]), state, starts)
            end, mean = advance(state, forcing)
            return end, (state, end, simulated_fluxes(mean))

        count = longest if at_once() else lane.length
        return _scan(interval, rows(starts, 0), (lane.forcing, lane.opens), lane.length, count)[1]

    def _failure(self, free: Any, starts: State, member: int, number: int) -> str:
        """Which values of a failed free run are not finite, and when the first occurs."""
        site, lane = self.sites[number], rows(self.lanes, number)
        of_member, start = rows((free, starts), member)
        _, states, fluxes = eqx.filter_jit(self._series)(of_member, lane, rows(start, number), lane.length)
        named = {"LE": fluxes[:, 0], "H": fluxes[:, 1]}
        named |= {f"soil temperature {layer}": T for layer, T in enumerate(states.T, start=1)}
        named |= {"snow": states.snow, "root-zone water": states.root, "ground water": states.groundwater}
        bad = {name: np.flatnonzero(~np.isfinite(np.asarray(values))) for name, values in named.items()}
        row = min(found[0] for found in bad.values() if found.size)
        names = ", ".join(name for name, found in bad.items() if found.size and found[0] == row)
        return (
            f"{names} of member {member} not finite in a free run at {site.site_id}, first at "
            f"{str(site.data.time[row])[:16]}"
        )


def _moved(course: Course, steps: Float[Array, "members k"]) -> State:
    """The states of `course`, of all members, after `steps` of the slow numbers, to first order."""

    def moved(x, by):
        return x + jnp.einsum("m...k,mk->m...", by, steps)

    state = jax.tree.map(moved, course.state, course.slopes)
    stores = {name: jnp.maximum(getattr(state, name), 0.0) for name in ("snow", "root", "groundwater")}
    return dataclasses.replace(state, **stores)


def _next_starts(ends: Any, lane: Lanes) -> Any:
    """Means of the rows of a tree `ends` over the passages of each segment's start."""

    def mean(x):
        return jax.vmap(lambda index, share: jnp.tensordot(share, x[index], 1))(lane.recurs, lane.passages)

    return jax.tree.map(mean, ends)


def _scan(function: Callable, carry, arrays, length, count):
    """As `jax.lax.scan` through `count` rows, with zeros as results from row `length` on."""
    n = jax.tree.leaves(arrays)[0].shape[0]
    loop = packed(function, carry, arrays)

    def body(i, now):
        carry, results = now
        carry, result = loop.turn(carry, rows(arrays, i))
        return carry, results.at[i].set(jnp.where(i < length, result, 0))

    end, results = jax.lax.fori_loop(0, count, body, (loop.carry, jnp.tile(loop.result, (n, 1))))
    return loop.unpack_carry(end), loop.unpack_rows(results)
