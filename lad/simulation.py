"""Free runs of a model over a whole forcing record."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import numpy as np

from lad.errors import InputError
from lad.forcing import Forcing, Record, rows
from lad.integrate import Trajectory, recurrences, roll_out, spin_up
from lad.model import Model
from lad.state import State

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


def simulate(
    solver, model: Model, record: Record, start: Callable[[Forcing], State], spinup_passes: int
) -> Trajectory:
    """Run every segment of `record` freely, see `free_runs`; arrays (n,) of numpy, n the length of the record.

    Raises InputError for values that are not finite.
    """
    segments = list(record.segments())
    parts = free_runs(solver, model, record.forcing, record.time, segments, record.dt, start, spinup_passes)
    whole = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    _check_finite(whole, record.time)
    return whole


def check_budgets(trajectory: Trajectory, time: np.ndarray) -> None:
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
