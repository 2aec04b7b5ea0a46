"""Fit one network to many sites, in the rounds of any fit (`lad.learn.rounds`).

A step takes windows of every site. Their loss is that of `lad.learn.objective` with the site's own variances, and all
sites count alike, whatever the length of their records.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from lad.errors import InputError
from lad.forcing import rows
from lad.integrate import roll_out
from lad.learn.data import window_starts
from lad.learn.diagnosis import check_sound, describe_failure
from lad.learn.objective import WEIGHTINGS, loss, simulated_fluxes, surface_penalty
from lad.learn.rounds import Fit, Progressing, Settings, gradient_steps, rounds
from lad.many.devices import ALIKE, BY_SITE, SITES, everywhere, mesh, over_sites, put
from lad.many.joint import Joint
from lad.many.lanes import Lanes, Tower, lanes
from lad.many.survey import MEMBERS_BY_SITE, Surveyed, survey


def fit(
    build: Callable[[Any], Joint],
    free: Any,
    towers: Sequence[Tower],
    solver: Callable,
    settings: Settings,
    *,
    seed: int,
    label: str,
    checkpoint: Path,
    fingerprint: str,
) -> Fit:
    """Fit `free`, arrays with a leading axis of members, so that ``build(of a member)`` matches the fluxes of `towers`.

    `settings.batch` counts windows of each site. All devices of all processes share the work: the result depends on
    their number by round-off alone. Raises InputError as `lad.learn.fit.fit`.
    """
    dt = towers[0].data.dt
    settings.check_interval(dt, label)
    devices = mesh()
    here, starts = lanes(towers, WEIGHTINGS[settings.loss], devices.size)
    shared = put(here, devices)
    sites = [tower.site for tower in towers]
    members = len(jax.tree.leaves(free)[0])

    def of_windows(free, lane: Lanes, before, index, counted=1.0):
        """Loss of one member over the rows `index` (windows, length) of one site, of what `counted` counts."""
        model = build(free).at(lane.place)
        _, trajectory = jax.vmap(lambda s, f: roll_out(solver, model, s, f, dt))(
            rows(before, index[:, 0]), rows(lane.forcing, index)
        )
        fluxes = simulated_fluxes(trajectory.rates)
        value = loss(fluxes, lane.observed[index], lane.train[index] * counted, lane.scale)
        return value + surface_penalty(trajectory.state.T[0], lane.surface[index])

    @over_sites(devices, (ALIKE, MEMBERS_BY_SITE, BY_SITE, MEMBERS_BY_SITE, ALIKE), ALIKE)
    def mismatches(free, before, lanes, windows, within):
        """Losses of all members, means over the sites of all devices."""

        def of_member(free, before, windows):
            index = windows[..., None] + within
            losses = jax.vmap(of_windows, in_axes=(None, 0, 0, 0))(free, lanes, before, index)
            return jnp.sum(lanes.share * losses)

        return jax.lax.psum(jax.vmap(of_member)(free, before, windows), SITES)

    steps = gradient_steps(mismatches, settings.optimiser())

    def descend(now: Progressing, surveyed: Surveyed, count: int):
        done = int(now.step)
        rng = np.random.default_rng([seed, done])
        length, batch = settings.windows(done, dt)
        windows = np.zeros((count, members, len(here.share), batch), dtype=int)
        for lane, tower in enumerate(towers):
            first_rows = _window_starts(tower, length, int(rng.integers(length)))
            windows[:, :, lane] = rng.choice(first_rows, size=(count, members, batch))
        windows[:, :, len(towers) :] = windows[:, :, :1]
        inputs = (*jax.device_get((now.free, now.optimiser)), surveyed.before)

        def after(count: int):
            drawn = jax.device_put(windows[:count], NamedSharding(devices, PartitionSpec(None, None, SITES)))
            return everywhere(steps(*inputs, drawn, length, shared), devices)

        def where(free, step: int, member: int) -> str:
            held = jax.tree.map(jnp.asarray, (here, everywhere(rows(surveyed.before, member), devices)))
            for number, tower in enumerate(towers):
                lane, before = rows(held, number)

                def of_window(free, index, counted, lane=lane, before=before):
                    return of_windows(free, lane, before, index[None], counted)

                drawn = windows[step, member, number]
                if told := describe_failure(of_window, free, drawn, length, tower.data.time):
                    return f"at {tower.site}, {told}"
            return "at none of the sites alone"

        free, optimiser_state, (_, sound) = after(count)
        check_sound(sound, lambda step: after(step)[0], where, label, done)
        return free, optimiser_state

    return rounds(
        free,
        jax.tree.map(lambda x: np.broadcast_to(x, (members, *x.shape)), starts),
        survey(build, shared, sites, solver, dt, devices, label),
        descend,
        settings,
        label=label,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
    )


def _window_starts(tower: Tower, length: int, offset: int) -> np.ndarray:
    try:
        return window_starts(tower.data, length, offset)
    except InputError as error:
        raise InputError(f"{tower.site}: {error}") from None
