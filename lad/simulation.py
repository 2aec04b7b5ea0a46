"""Free runs of a model over a whole forcing record."""

from collections.abc import Callable, Sequence
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import xarray as xr

from lad.errors import InputError
from lad.fluxes import BulkFluxes
from lad.forcing import Forcing, Record, first_year, rows
from lad.integrate import Trajectory, fast, recurrences, roll_out, spin_up, split_state
from lad.integrate.named import named
from lad.io import read_json
from lad.model import Model
from lad.output import simulation_dataset, state_at
from lad.parameters import check_height
from lad.state import State, initial_state, plain_state

free_run = eqx.filter_jit(roll_out)


def free_runs(
    solver,
    model: Model,
    forcing: Forcing,
    time: np.ndarray,
    segments: Sequence[slice],
    dt: float,
    start: Callable[[Forcing], State],
    spinup_passes: int,
) -> list[Trajectory]:
    """Run `model` freely through each of the `segments` of `forcing` (n,), whose intervals begin at `time` (n,).

    Segments begin from the states that `start` gives for their forcing, or after a spin-up of `spinup_passes`
    through all of them from there (`lad.integrate.spin_up`).
    """
    parts = [rows(forcing, segment) for segment in segments]

    def run(k: int, state: State) -> Trajectory:
        return free_run(solver, model, state, parts[k], dt)[1]

    starts = spin_up(
        lambda k, state: run(k, state).state,
        [start(part) for part in parts],
        recurrences(time, segments, dt),
        spinup_passes,
    )
    return [run(k, state) for k, state in enumerate(starts)]


def run_record(
    solver,
    model: Model,
    record: Record,
    spinup_passes: int,
    start: Callable[[Forcing], State] | None = None,
    leaks: bool = False,
) -> Trajectory:
    """Run every segment of `record` freely, see `free_runs`; arrays (n,) of numpy, n the length of the record.

    Without `start` they begin from `plain_state`. Raises InputError for values that are not finite, and where an
    interval creates energy or water, unless the solver is known to leak.
    """
    segments = list(record.segments())
    start = start or (lambda forcing: plain_state(model.parameters, forcing))
    parts = free_runs(solver, model, record.forcing, record.time, segments, record.dt, start, spinup_passes)
    whole = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    _check_finite(whole, record.time)
    if not leaks:
        _check_budgets(whole, record.time)
    return whole


def simulate(
    model: Model,
    record: Record,
    solver: str = "fast-1",
    spinup_passes: int = 3,
    begin: str | Path | None = None,
) -> xr.Dataset:
    """A free run of `model` through a forcing record, after `spinup_passes` through all of it.

    `begin`: file of the state that each segment starts from, then without a spin-up: JSON (`lad.state.initial_state`),
    or another run (.nc) that has a state where the forcing begins.
    `original-N`, which is known to leak energy, works with LaD's own flux law only. The dataset has states at the end
    of each interval and fluxes as means over it, with ALMA names, units and sign conventions in its attributes
    (`lad.output`). Raises InputError for a model of another height than the forcing's, an unknown solver, values that
    are not finite, and where an interval creates energy or water.
    """
    check_height(model.parameters, record.reference_height, "model")
    scheme = named(solver, with_original=type(model.fluxes) is BulkFluxes)
    content = {}
    if begin:
        is_run = Path(begin).suffix == ".nc"
        layers, site = np.asarray(model.parameters.dz), record.attrs.get("site_id")
        content = state_at(begin, record.time[0], site, layers) if is_run else read_json(begin)
    given = initial_state(content, str(begin), model.parameters) if begin else None
    is_original = solver.startswith("original")

    def start(forcing: Forcing) -> State:
        state = given or plain_state(model.parameters, forcing)
        return split_state(state, forcing, content, str(begin)) if is_original else state

    trajectory = run_record(scheme, model, record, 0 if begin else spinup_passes, start, is_original)
    return simulation_dataset(trajectory, model.parameters, record)


def after_first_year(model: Model, forcing: Forcing, dt: float) -> tuple[State, Forcing]:
    """The state after two runs through the first year of `forcing` (n,), in intervals of `dt` s, and that year."""
    year = first_year(forcing, dt)
    state = plain_state(model.parameters, year)
    for _ in range(2):
        state, _ = free_run(fast(4), model, state, year, dt)
    return state, year


def _check_budgets(trajectory: Trajectory, time: np.ndarray) -> None:
    """Raise InputError if an interval, beginning at one of `time` (n,), made or lost energy or water."""
    for name, residual, most, unit in (
        ("energy", trajectory.energy_residual, 1e-6, "J m-2"),
        ("water", trajectory.water_residual, 1e-9, "kg m-2"),
    ):
        worst = int(np.argmax(np.abs(residual)))
        if abs(residual[worst]) > most:
            raise InputError(
                f"simulation failed: {residual[worst]:.1e} {unit} of {name} were created at "
                f"{str(time[worst])[:16]}, expected at most {most:g}"
            )


def _check_finite(trajectory: Trajectory, time: np.ndarray) -> None:
    broken = [
        (int(np.flatnonzero(~np.isfinite(values))[0]), jax.tree_util.keystr(path))
        for path, values in jax.tree_util.tree_leaves_with_path(trajectory)
        if not np.isfinite(values).all()
    ]
    if broken:
        row, name = min(broken)
        raise InputError(
            f"simulation failed: {name.lstrip('.')} is not a finite number at {str(time[row])[:16]}"
        )
