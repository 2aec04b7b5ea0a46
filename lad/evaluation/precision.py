"""Work and precision: what error each solver leaves for the time it takes, on one series with LaD's own law."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from lad.forcing import Forcing
from lad.integrate import adaptive, euler, fast, original, split_state
from lad.model import Model, latent_heat
from lad.progress import Progress
from lad.simulation import free_run
from lad.state import State

REPEATS = 3
YEAR = 365 * 86400.0  # s
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6)
EXACT = 1e-8  # tolerance of the reference of the smoothed equations
LIMIT = 180  # steps per interval of the reference of `original`
QUANTITIES = {"T1": "K", "H": "W m-2", "LE": "W m-2"}


class Setting(NamedTuple):
    """A solver as it is tried."""

    solver: str
    setting: str
    make: Callable


def settings() -> list[Setting]:
    """All that is compared, from coarse to fine within each solver."""
    tried = [Setting("original", f"{n} steps", original(n)) for n in (1, 3, 10, 30)]
    tried += [Setting("euler", f"{n} steps", euler(n)) for n in (1, 2, 4, 8)]
    tried += [Setting("fast", f"{n} steps", fast(n)) for n in (1, 2, 4, 8)]
    for method in ("Tsit5", "Kvaerno3", "Kvaerno5"):
        tried += [
            Setting(method, f"rtol {x:.0e}".replace("e-0", "e-"), adaptive(x, x, method)) for x in TOLERANCES
        ]
    return tried


class Run(NamedTuple):
    """Result of one solver: `values` (3, n) in the order of `QUANTITIES`, seconds."""

    values: np.ndarray
    compile_s: float
    run_s: float


def run(solver, model: Model, start: State, forcing: Forcing, dt: float, repeats: int = REPEATS) -> Run:
    """Run and time a solver: the median of `repeats`, after one run that does not count if they are several."""
    begin = time.perf_counter()
    compiled = free_run.lower(solver, model, start, forcing, dt).compile()
    compile_s, seconds = time.perf_counter() - begin, []
    for _ in range(repeats + (repeats > 1)):
        begin = time.perf_counter()
        _, result = jax.block_until_ready(compiled(solver, model, start, forcing, dt))
        seconds.append(time.perf_counter() - begin)
    values = np.array([result.state.T[0], result.rates.H, latent_heat(result.rates)])
    return Run(values, compile_s, statistics.median(seconds[-repeats:]))


def rms(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root-mean-square difference (k,) of rows of values (k, n)."""
    return np.sqrt(np.mean((a - b) ** 2, axis=1))


def work_precision(model: Model, start: State, forcing: Forcing, dt: float, label: str) -> pd.DataFrame:
    """Error and time of every one of `settings` over `forcing` (n,) from `start`.

    Errors are root-mean-square differences from a reference: for `original` itself with `LIMIT` steps per interval,
    for the others, which solve the smoothed equations, `adaptive` with tolerance `EXACT`. The row `smoothing` is the
    difference between the two references.
    """
    tried = settings()
    progress = Progress(f"{label} solvers", len(tried) + 2)
    split = split_state(start, forcing, {}, None)
    limit = run(original(LIMIT), model, split, forcing, dt, repeats=1)
    progress.update(1, "limit of original")
    exact = run(adaptive(EXACT, EXACT), model, start, forcing, dt, repeats=1)
    progress.update(2, "reference")
    years = forcing.Tair.shape[0] * dt / YEAR
    rows = []
    for n, (solver, setting, make) in enumerate(tried):
        own = solver == "original"
        found = run(make, model, split if own else start, forcing, dt)
        error = rms(found.values, (limit if own else exact).values)
        rows.append((solver, setting, *error, 1e3 * found.run_s / years, found.compile_s))
        progress.update(n + 3, f"{solver}, {setting}")
    between = rms(exact.values, limit.values)
    rows.append(("smoothing", "", *between, np.nan, np.nan))
    columns = [f"{name}_rms" for name in QUANTITIES]
    return pd.DataFrame(rows, columns=["solver", "setting", *columns, "ms_per_site_year", "compile_s"])
