"""Free runs of a model over a whole forcing record."""

from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np

from lad.errors import InputError
from lad.forcing import Forcing, Record, first_year, rows
from lad.integrate import Trajectory, roll_out, spin_up
from lad.model import Model
from lad.state import State

_run = eqx.filter_jit(roll_out)


def simulate(
    solver, model: Model, record: Record, start: Callable[[Forcing], State], spinup_years: int
) -> Trajectory:
    """Run every segment of `record` freely; arrays (n,) of numpy, n the length of the record.

    A segment begins with its first 365 days (all of it, where shorter) run `spinup_years` times from the
    state that `start` gives for the forcing of these days; then the segment itself runs once. Raises
    InputError for values that are not finite.
    """
    parts = []
    for segment in record.segments():
        forcing = rows(record.forcing, segment)
        year = first_year(forcing, record.dt)
        state = spin_up(solver, model, start(year), year, record.dt, spinup_years)
        _, trajectory = _run(solver, model, state, forcing, record.dt)
        parts.append(trajectory)
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
