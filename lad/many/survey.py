"""Surveys of many sites at once: as `lad.learn.survey`, each device running the sites it holds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from lad.errors import InputError
from lad.forcing import rows
from lad.learn.objective import loss, simulated_fluxes
from lad.many.devices import ALIKE, BY_SITE, SITES, at_once, each, everywhere, over_sites
from lad.many.joint import Joint
from lad.many.lanes import Lanes
from lad.state import State

MEMBERS_BY_SITE = PartitionSpec(None, SITES)


class Surveyed(NamedTuple):
    """Result of a survey."""

    starts: State  # (members, sites, segments), in the memory of each process, however many lanes fill the devices
    before: State  # (members, lanes, n), state before each row, on the devices
    losses: np.ndarray  # (2, members), training and validation, means over the sites


def survey(
    build: Callable[[Any], Joint], lanes: Lanes, sites: list[str], solver, dt: float, mesh, label: str
):
    """Surveys ``(free, starts, passes) -> Surveyed`` of what ``build(free)`` makes, leading axis of `free`: members.

    `lanes` lie on the devices of `mesh`. A survey raises InputError, beginning with `label`, that names the first of
    `sites` whose free run is not finite.
    """

    def run(free, lane: Lanes, starts: State, longest):
        """States before and at the end of each row, and fluxes, of one member at one site.

        Sites side by side take steps together, as many as the `longest` of them has rows.
        """
        model = build(free).at(lane.place).prepare()
        advance = solver(model, dt)

        def interval(state, row):
            forcing, opens = row
            state = jax.tree.map(lambda s, x: jnp.where(opens < 0, s, x[opens]), state, starts)
            end, mean = advance(state, forcing)
            return end, (state, end, simulated_fluxes(mean))

        count = longest if at_once() else lane.length
        return _scan(interval, rows(starts, 0), (lane.forcing, lane.opens), lane.length, count)

    def of_all(function):
        """`function` of each member and each site of a device; leading axes of the result: members, sites."""

        def local(free, lanes, starts):
            longest = lanes.length.max()

            def of_member(item):
                free, starts = item
                return each(lambda site: function(free, *site, longest), (lanes, starts))

            return each(of_member, (free, starts))

        shared = over_sites(mesh, (ALIKE, BY_SITE, MEMBERS_BY_SITE), MEMBERS_BY_SITE)
        return eqx.filter_jit(shared(local))

    @of_all
    def passed(free, lane, starts, longest):
        """Starts of the next pass: the mean of the states at the same time of year, as `lad.integrate.spin_up`."""
        _, ends, _ = run(free, lane, starts, longest)

        def mean(x):
            return jax.vmap(lambda index, share: jnp.sum(share * x[index]))(lane.recurs, lane.passages)

        return jax.tree.map(mean, ends)

    @of_all
    def judged(free, lane, starts, longest):
        """States before each row, losses in training and validation, and whether all is finite."""
        before, ends, fluxes = run(free, lane, starts, longest)
        losses = [
            loss(fluxes, lane.observed, use, std)
            for use, std in ((lane.train, lane.scale), (lane.validation, lane.std))
        ]
        sound = jnp.stack([jnp.isfinite(x).all() for x in (fluxes, *jax.tree.leaves(ends))]).all()
        return before, jnp.stack(losses), sound

    def surveyed(free, starts, passes: int) -> Surveyed:
        fillers = len(lanes.share) - len(sites)
        starts = jax.tree.map(lambda x: np.concatenate([x, *[x[:, :1]] * fillers], axis=1), starts)
        free = jax.device_get(free)  # the same in each process: what lies on one of its devices would not be
        for _ in range(passes):
            starts = passed(free, lanes, starts)
        before, losses, sound = judged(free, lanes, starts)
        starts, losses, sound, share = everywhere((starts, losses, sound, lanes.share), mesh)
        for member, site in np.argwhere(~sound):
            raise InputError(f"{label}: the free run of member {member} at {sites[site]} is not finite")
        starts = jax.tree.map(lambda x: x[:, : len(sites)], starts)
        return Surveyed(starts, before, np.einsum("msk,s->km", losses, share))

    return surveyed


def _scan(function: Callable, carry, arrays, length, count):
    """What `jax.lax.scan` gives for the first `length` rows, and zeros for all others; only `count` rows run."""
    n = jax.tree.leaves(arrays)[0].shape[0]
    _, one = jax.eval_shape(function, carry, rows(arrays, 0))
    results = jax.tree.map(lambda x: jnp.zeros((n, *x.shape), x.dtype), one)

    def body(i, now):
        carry, results = now
        carry, result = function(carry, rows(arrays, i))
        return carry, jax.tree.map(lambda x, y: x.at[i].set(jnp.where(i < length, y, 0)), results, result)

    return jax.lax.fori_loop(0, count, body, (carry, results))[1]
