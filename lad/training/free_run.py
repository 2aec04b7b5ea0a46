"""Free runs of all members of a fit through the records of all its sites.

They give the states from which windows start, and the losses in training and validation.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from lad.errors import InputError
from lad.forcing import rows
from lad.model import Model, check_precision
from lad.state import State
from lad.training.devices import ALIKE, BY_SITE, SITES, at_once, each, everywhere, mesh, over_sites, put
from lad.training.lanes import Lanes, lanes
from lad.training.loss import WEIGHTINGS, loss, simulated_fluxes
from lad.training.sites import Anchor, Site

NEXT_SPIN_UP = 1  # passes, from the states of the free runs before
MEMBERS_BY_SITE = PartitionSpec(None, SITES)


class Ran(NamedTuple):
    """Result of free runs."""

    starts: State  # (members, sites, segments), in the memory of each process, however many lanes fill the devices
    before: State  # (members, lanes, n), state before each row, on the devices
    losses: np.ndarray  # (2, members), training and validation, means over the sites


class FreeRuns:
    """Free runs of the models that ``build(free, anchor)`` makes at each of `sites`, each device running its own.

    The free numbers `free` have a leading axis of members. `weighting` is a key of `WEIGHTINGS`, for the training loss;
    that of the validation is always `variance`, so that fits with different losses can be compared. `label` begins
    errors and lines of progress.
    """

    def __init__(
        self,
        build: Callable[[Any, Anchor], Model],
        sites: Sequence[Site],
        solver: Callable,
        weighting: str,
        label: str,
    ):
        self.build, self.sites, self.solver, self.label = build, list(sites), solver, label
        self.dt = sites[0].data.dt
        for site in sites:
            if site.data.dt != self.dt:
                raise InputError(
                    f"{label}: intervals of {site.data.dt:g} s at {site.site_id}, expected {self.dt:g} s as at "
                    f"{sites[0].site_id}"
                )
        self.devices = mesh(len(sites))
        self.lanes, self._starts = lanes(sites, WEIGHTINGS[weighting], self.devices.size)
        self.shared = put(self.lanes, self.devices)
        shared = over_sites(self.devices, (ALIKE, BY_SITE, MEMBERS_BY_SITE), MEMBERS_BY_SITE)
        self._pass = eqx.filter_jit(shared(self._members_by_site))

    def model(self, free: Any, lane: Lanes) -> Model:
        """The model of one member at one site."""
        # What is known of a single site is constant in its compiled programs, which makes them smaller and faster.
        return self.build(free, self.sites[0].anchor if len(self.sites) == 1 else lane.anchor)

    def begin(self, members: int) -> State:
        """Where the first spin-up of each member, site and segment begins."""
        return jax.tree.map(lambda x: np.broadcast_to(x, (members, *x.shape)), self._starts)

    def __call__(self, free: Any, starts: State, passes: int) -> Ran:
        """Free runs after `passes` of spin-up from `starts`; raises InputError at the first value not finite."""
        fillers = len(self.lanes.share) - len(self.sites)
        starts = jax.tree.map(lambda x: np.concatenate([x, *[x[:, :1]] * fillers], axis=1), starts)
        starts = jax.device_put(starts, NamedSharding(self.devices, MEMBERS_BY_SITE))  # as a pass gives them
        free = jax.device_get(free)  # the same in each process: what lies on one of its devices would not be
        for _ in range(passes):
            starts, *_ = self._pass(free, self.shared, starts)
        _, before, losses, sound = self._pass(free, self.shared, starts)
        starts, losses, sound = everywhere((starts, losses, sound), self.devices)
        for member, site in np.argwhere(~sound):
            raise InputError(f"{self.label}: {self._failure(free, starts, member, site)}")
        starts = jax.tree.map(lambda x: x[:, : len(self.sites)], starts)
        return Ran(starts, before, np.einsum("msk,s->km", losses, self.lanes.share))

    def _members_by_site(self, free: Any, lanes: Lanes, starts: State):
        """`_judged` of each member and each site of a device; leading axes of the result: members, sites."""
        longest = lanes.length.max()

        # One after the other: a single series compiles into one fast loop, a batch of networks does not.
        def of_member(item):
            free, starts = item
            return each(lambda site: self._judged(free, *site, longest), (lanes, starts))

        return each(of_member, (free, starts))

    def _judged(self, free: Any, lane: Lanes, starts: State, longest):
        """Of one member at one site: starts of the next pass, states before each row, losses, whether all is finite.

        The next pass begins with the mean of the states at the same time of year, as in `lad.integrate.spin_up`.
        """
        before, ends, fluxes = self._series(free, lane, starts, longest)

        def mean(x):
            return jax.vmap(lambda index, share: jnp.sum(share * x[index]))(lane.recurs, lane.passages)

        losses = [
            loss(fluxes, lane.observed, use, std)
            for use, std in ((lane.train, lane.scale), (lane.validation, lane.std))
        ]
        sound = jnp.stack([jnp.isfinite(x).all() for x in (fluxes, *jax.tree.leaves(ends))]).all()
        return jax.tree.map(mean, ends), before, jnp.stack(losses), sound

    def _series(self, free: Any, lane: Lanes, starts: State, longest):
        """States before and at the end of each row, and fluxes (n, 2), of one member at one site.

        Sites side by side take steps together, as many as the `longest` of them has rows.
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
        return _scan(interval, rows(starts, 0), (lane.forcing, lane.opens), lane.length, count)

    def _failure(self, free: Any, starts: State, member: int, number: int) -> str:
        """Which values of a free run that failed are not finite, and when the first of them."""
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
