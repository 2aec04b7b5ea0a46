"""Model runs for the evaluation: scores of networks, errors of solvers, and the loss along a parameter.

Work and precision: the error of each solver against the time it takes, on one series with LaD's own law.

The loss along a parameter and its gradient, as each solver sees them: Kavetski & Clark (2010, Water Resour. Res. 46,
W10523) found that coarse explicit schemes put kinks into the objective function of hydrological models, displace its
minimum and spoil its gradients. Here LaD's own law runs through one year of training from one state, with one of its
calibrated quantities changed: a little, for kinks, and widely, for the minimum.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Bool, Float

from lad.errors import InputError
from lad.evaluation.series import Simulated
from lad.evaluation.solvers import LANDSCAPE_COLUMNS, LANDSCAPE_POINTS, REFERENCE_SOLVER
from lad.fluxes import BulkFluxes
from lad.forcing import Forcing, Record, rows
from lad.integrate import adaptive, euler, fast, original, split_state
from lad.integrate.named import named
from lad.model import Model, latent_heat
from lad.observations import TARGETS
from lad.parameters import Parameters
from lad.progress import Progress
from lad.simulation import after_first_year, free_run, run_record
from lad.state import State
from lad.training.data import LearningData
from lad.training.files import load_model, training_record
from lad.training.loss import WEIGHTINGS, loss, simulated_fluxes
from lad.training.space import Space

REPEATS = 3
YEAR_SECONDS = 365 * 86400.0  # s
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6)
EXACT = 1e-8  # tolerance of the reference of the smoothed equations
LIMIT_STEPS = 180  # per interval, of the reference of `original`
QUANTITIES = {"T1": "K", "H": "W m-2", "LE": "W m-2"}
REACHES = {"wide": 1.0, "close": 0.01}  # half-widths of the ranges, in the free numbers of a calibration
DIFFERENCE_STEP = 1e-4  # of the central differences, likewise
LANDSCAPE_SOLVERS = ("explicit-1", "split-1", "euler-1", "fast-1", REFERENCE_SOLVER)


def run_freely(
    members: Mapping[str, Model], solver, record: Record, test: Bool[np.ndarray, " n"], passes: int
) -> Simulated:
    """Fluxes (W m-2) of free runs of `members`, by seed, at the intervals `test` of `record` (n,).

    Each begins from `plain_state` and is spun up in `passes`. Raises InputError as `run_record`.
    """
    fluxes = []
    for model in members.values():
        trajectory = run_record(solver, model, record, passes)
        fluxes.append(np.asarray(simulated_fluxes(trajectory.rates))[test])
    return Simulated(tuple(members), dict(zip(TARGETS, np.moveaxis(np.stack(fluxes), -1, 0), strict=True)))


def run_crossed(
    trained: Mapping[str, Mapping[str, Path]],
    record: Record,
    test: Bool[np.ndarray, " n"],
    passes: int,
    label: str,
) -> dict[tuple[str, str], Simulated]:
    """`run_freely` of the models trained through each solver, with each solver: by the names of both.

    `trained`: name of a solver → seed → file. Raises InputError for a model that states another training solver, or
    that is for another height.
    """
    solvers, models = {name: named(name) for name in trained}, {}
    for name, files in trained.items():
        models[name] = {
            seed: load_model(file, height=record.reference_height) for seed, file in files.items()
        }
        for file in files.values():
            origin = training_record(file)
            for stated in (origin.get("integrator"), origin.get("training", {}).get("integrator")):
                if stated not in (None, name):
                    raise InputError(f"{file}: trained through {stated}, expected {name} as given by --model")
    progress, crossed = Progress(f"{label} daemons", len(solvers) ** 2), {}
    for name, members in models.items():
        for with_solver, solver in solvers.items():
            crossed[name, with_solver] = run_freely(members, solver, record, test, passes)
            progress.update(len(crossed), f"trained with {name}, run with {with_solver}")
    return crossed


class SolverSetting(NamedTuple):
    """A solver and its setting."""

    solver: str
    setting: str
    make: Callable


def solver_settings() -> list[SolverSetting]:
    """All settings compared, from coarse to fine within each solver."""
    tried = [SolverSetting("original", f"{n} steps", original(n)) for n in (1, 3, 10, 30)]
    tried += [SolverSetting("euler", f"{n} steps", euler(n)) for n in (1, 2, 4, 8)]
    tried += [SolverSetting("fast", f"{n} steps", fast(n)) for n in (1, 2, 4, 8)]
    for method in ("Tsit5", "Kvaerno3", "Kvaerno5"):
        tried += [
            SolverSetting(method, f"rtol {x:.0e}".replace("e-0", "e-"), adaptive(x, x, method))
            for x in TOLERANCES
        ]
    return tried


class SolverRun(NamedTuple):
    """Result of one solver: `values` (3, n) in the order of `QUANTITIES`, seconds."""

    values: np.ndarray
    compile_s: float
    run_s: float


def run_solver(
    solver, model: Model, start: State, forcing: Forcing, dt: float, repeats: int = REPEATS
) -> SolverRun:
    """Run and time a solver: the median of `repeats`, after an untimed run if they are several."""
    begin = time.perf_counter()
    compiled = free_run.lower(solver, model, start, forcing, dt).compile()
    compile_s, seconds = time.perf_counter() - begin, []
    for _ in range(repeats + (repeats > 1)):
        begin = time.perf_counter()
        _, result = jax.block_until_ready(compiled(solver, model, start, forcing, dt))
        seconds.append(time.perf_counter() - begin)
    values = np.array([result.state.T[0], result.rates.H, latent_heat(result.rates)])
    return SolverRun(values, compile_s, statistics.median(seconds[-repeats:]))


def rms(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root-mean-square difference (k,) of rows of values (k, n)."""
    return np.sqrt(np.mean((a - b) ** 2, axis=1))


def work_precision(model: Model, start: State, forcing: Forcing, dt: float, label: str) -> pd.DataFrame:
    """Error and time of each of `solver_settings` over `forcing` (n,) from `start`.

    Errors are root-mean-square differences from a reference: for `original` the same with `LIMIT_STEPS` per interval,
    for the others, which solve the smoothed equations, `adaptive` with tolerance `EXACT`. The row `smoothing` is the
    difference between the two references.
    """
    tried = solver_settings()
    progress = Progress(f"{label} solvers", len(tried) + 2)
    split = split_state(start, forcing, {}, None)
    limit = run_solver(original(LIMIT_STEPS), model, split, forcing, dt, repeats=1)
    progress.update(1, "limit of original")
    exact = run_solver(adaptive(EXACT, EXACT), model, start, forcing, dt, repeats=1)
    progress.update(2, "reference")
    years = forcing.Tair.shape[0] * dt / YEAR_SECONDS
    rows = []
    for n, (solver, setting, make) in enumerate(tried):
        own = solver == "original"
        found = run_solver(make, model, split if own else start, forcing, dt)
        error = rms(found.values, (limit if own else exact).values)
        rows.append((solver, setting, *error, 1e3 * found.run_s / years, found.compile_s))
        progress.update(n + 3, f"{solver}, {setting}")
    between = rms(exact.values, limit.values)
    rows.append(("smoothing", "", *between, np.nan, np.nan))
    columns = [f"{name}_rms" for name in QUANTITIES]
    return pd.DataFrame(rows, columns=["solver", "setting", *columns, "ms_per_site_year", "compile_s"])


class Excerpt(NamedTuple):
    """The data of a loss: a stretch of training, and the state before it."""

    start: State
    forcing: Forcing  # (n,)
    observed: Float[Array, "n 2"]  # W m-2, latent and sensible heat
    use: Float[Array, "n 2"]  # 1 where a measurement counts, 0 elsewhere
    scale: Float[Array, "2"]  # W m-2, divides the errors
    dt: float  # s


def first_year_of_training(data: LearningData, parameters: Parameters, weighting: str) -> Excerpt:
    """The first year of the longest stretch of training, after spinning up with `parameters` through it twice.

    Errors are weighted by `weighting` of `lad.training.loss`. Raises InputError if nothing was measured in it.
    """
    first = max(data.segments, key=lambda segment: segment.stop - segment.start)
    start, year = after_first_year(Model(parameters, BulkFluxes()), rows(data.forcing, first), data.dt)
    inside = slice(first.start, first.start + year.Tair.shape[0])
    scale = WEIGHTINGS[weighting](data.scale()[1])
    observed, use = (np.asarray(x)[inside] for x in (data.observed, data.train))
    if not use.any(axis=0).all():
        raise InputError(f"no measured LE or H in the year of training from {str(data.time[inside][0])[:10]}")
    return Excerpt(start, year, jnp.asarray(observed), jnp.asarray(use), jnp.asarray(scale), data.dt)


def losses(solver, space: Space, excerpt: Excerpt):
    """Two functions: free numbers (m, k) to m losses; these and a direction (k,) to m derivatives along it.

    Days are whole: what remains at the end of the excerpt does not count.
    """
    of_day = round(86400.0 / excerpt.dt)
    days = excerpt.observed.shape[0] // of_day
    # A derivative fills two arrays at once, which XLA copies whole in every turn (`lad.integrate._roll_out.packed`):
    # those of a day are small, those of the year are filled once a day.
    forcing, observed, use = jax.tree.map(
        lambda x: x[: days * of_day].reshape(days, of_day, *x.shape[1:]),
        (excerpt.forcing, excerpt.observed, excerpt.use),
    )

    def of_point(free):
        model = Model(space.parameters(free), BulkFluxes()).prepare()
        advance = solver(model, excerpt.dt)

        def interval(state, row):
            end, mean = advance(state, row)
            return end, simulated_fluxes(mean)

        simulated = jax.lax.scan(
            lambda state, day: jax.lax.scan(interval, state, day), excerpt.start, forcing
        )[1]
        return loss(simulated, observed, use, excerpt.scale)

    def slope(free, direction):
        return jax.jvp(of_point, (free,), (direction,))[1]

    return jax.jit(jax.vmap(of_point)), jax.jit(jax.vmap(slope, in_axes=(0, None)))


def landscape(
    space: Space, origin: Float[np.ndarray, " k"], excerpt: Excerpt, parameters: Sequence[str], label: str
) -> pd.DataFrame:
    """Loss and derivatives by free number along each of `parameters` through `origin`, rows of `LANDSCAPE_COLUMNS`."""
    split = excerpt._replace(start=split_state(excerpt.start, excerpt.forcing, {}, None))
    probes = {"original-1": losses(original(), space, split)}
    probes |= {name: losses(named(name), space, excerpt) for name in LANDSCAPE_SOLVERS}
    names = [b.name for b in space.bounds]
    progress, found = Progress(f"{label} landscape", len(probes) * len(parameters)), []
    for solver, (of_points, slopes) in probes.items():
        for parameter in parameters:
            axis = names.index(parameter)
            direction = np.eye(len(names))[axis]
            for reach, width in REACHES.items():
                place = origin + np.linspace(-width, width, LANDSCAPE_POINTS)[:, None] * direction
                value, slope = of_points(place), slopes(place, direction)
                above, below = (of_points(place + sign * DIFFERENCE_STEP * direction) for sign in (1, -1))
                values = np.array(jax.vmap(lambda x, axis=axis: space.values(x)[axis])(jnp.asarray(place)))
                head = [solver, parameter, space.bounds[axis].unit, reach]
                columns = zip(values, value, slope, (above - below) / (2 * DIFFERENCE_STEP), strict=True)
                found += [[*head, *map(float, numbers)] for numbers in columns]
            progress.update(len(found) // LANDSCAPE_POINTS // len(REACHES), f"{solver}, {parameter}")
    return pd.DataFrame(found, columns=LANDSCAPE_COLUMNS)
