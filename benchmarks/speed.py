"""Speed of the default solvers: LaD's own law and a network, one series and a batch, forward and gradient.

    .venv/bin/python benchmarks/speed.py

takes two minutes. Everything is computed on a synthetic year of half-hours, so that the figures of two
machines or revisions differ by these alone. Let nothing else run meanwhile.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lad.fluxes import STATES, BulkFluxes, MLPFluxes, Network, Scaling
from lad.forcing import Forcing, make_forcing, rows
from lad.integrate import roll_out
from lad.integrate.named import named
from lad.model import Model
from lad.parameters import table_parameters
from lad.physics.saturation import saturation_specific_humidity
from lad.provenance import git_revision, package_version
from lad.settings import Descent
from lad.settings.study import Simulation
from lad.state import plain_state
from lad.training.loss import loss, simulated_fluxes

DT = 1800.0  # s
FORWARD = Simulation().integrator
GRADIENT = Descent().integrator or FORWARD
YEAR = 365 * 48
WINDOWS, LENGTH = 64, 10 * 48  # as in training
LONG = 20 * YEAR // WINDOWS  # half-hours of as many windows that make 20 site-years
REPEATS = 5


class Case(NamedTuple):
    """What is timed: `function(*args)`, which simulates `intervals` half-hours."""

    name: str
    function: Callable
    args: tuple
    intervals: int


def synthetic_year() -> Forcing:
    """A temperate year (n,) with warm and cold seasons, nights, rain and snow; the same at every call."""
    day = np.arange(YEAR) / 48.0
    season, hour = np.cos(2 * np.pi * (day - 200.0) / 365.0), np.cos(2 * np.pi * (day - 0.5))
    weather = np.repeat(np.random.default_rng(0).normal(size=365), 48)
    Tair = 282.0 + 11.0 * season + 4.0 * hour + 3.0 * weather
    wet = np.where(weather < -0.8, 1.0e-4, 0.0)
    return make_forcing(
        SWdown=np.maximum(0.0, (450.0 + 250.0 * season) * hour + 100.0 * season) * (1.0 - 0.5 * (wet > 0.0)),
        LWdown=0.8 * 5.67e-8 * Tair**4,
        Tair=Tair,
        Qair=0.7 * saturation_specific_humidity(Tair - 2.0, 9.8e4),
        Psurf=np.full(YEAR, 9.8e4),
        Wind=3.0 + weather**2,
        Rainf=np.where(Tair > 273.15, wet, 0.0),
        Snowf=np.where(Tair > 273.15, 0.0, wet),
    )


def network() -> MLPFluxes:
    """An untrained network of the size of the study, with states as inputs."""
    inputs = [200.0, 320.0, 282.0, 400.0, 3.0, 0.0, *[282.0] * 4, 0.5, -0.8, 0.1, 0.1]
    spread = [250.0, 50.0, 10.0, 400.0, 2.0, 3.0, *[8.0] * 4, 0.3, 0.8, 0.3, 0.3]
    scaling = Scaling(*map(jnp.asarray, (inputs, spread, [50.0, 30.0], [60.0, 60.0])))
    return MLPFluxes(Network(scaling, states=STATES, hidden=(32, 32), outputs=2, key=jax.random.key(0)))


def cases(solver: Callable | None = None) -> list[Case]:
    """Everything that is timed: with `solver`, or runs with `FORWARD` and gradients through `GRADIENT`."""
    solver, solver_of_steps = (solver, solver) if solver else (named(FORWARD), named(GRADIENT))
    year, parameters = synthetic_year(), table_parameters(cover=6, soil=2, z_ref=3.0)
    bulk, hybrid = Model(parameters, BulkFluxes()), Model(parameters, network())
    start = plain_state(parameters, year)

    def windows(length):
        first = np.linspace(0, YEAR - length, WINDOWS).astype(int)
        return rows(year, first[:, None] + np.arange(length))

    def fluxes(model, forcing):
        return simulated_fluxes(roll_out(solver, model, start, forcing, DT)[1].rates)

    def batch(model, windows):
        return jax.vmap(lambda forcing: fluxes(model, forcing))(windows)

    @eqx.filter_value_and_grad
    def gradient(layers, windows):
        model = eqx.tree_at(lambda model: model.fluxes.network.layers, hybrid, layers)
        rates = jax.vmap(lambda forcing: roll_out(solver_of_steps, model, start, forcing, DT)[1].rates)(
            windows
        )
        observed = jnp.full((*windows.Tair.shape, 2), 40.0)
        return loss(simulated_fluxes(rates), observed, jnp.ones_like(observed), jnp.full(2, 60.0))

    layers, short, long, many = hybrid.fluxes.network.layers, windows(LENGTH), windows(LONG), WINDOWS * LENGTH
    return [
        Case("LaD, a year", fluxes, (bulk, year), YEAR),
        Case("network, a year", fluxes, (hybrid, year), YEAR),
        Case(f"LaD, {WINDOWS} windows", batch, (bulk, short), many),
        Case(f"network, {WINDOWS} windows", batch, (hybrid, short), many),
        Case("network, 1 window, gradient", gradient, (layers, rows(short, slice(0, 1))), LENGTH),
        Case(f"network, {WINDOWS} windows, gradient", gradient, (layers, short), many),
        Case("network, 20 site-years, gradient", gradient, (layers, long), WINDOWS * LONG),
    ]


class Timing(NamedTuple):
    """Seconds of tracing and compiling, seconds of `REPEATS` runs, MB that a run needs for what is in between."""

    compiling: float
    runs: list[float]
    memory: float
    finite: bool

    @property
    def median(self) -> float:
        """Median of the runs."""
        return statistics.median(self.runs)


def timed(case: Case) -> Timing:
    """Time a case; one run that does not count comes first."""
    begin = time.perf_counter()
    compiled = eqx.filter_jit(case.function).lower(*case.args).compile()
    compiling = time.perf_counter() - begin
    runs = []
    for _ in range(1 + REPEATS):
        begin = time.perf_counter()
        result = jax.block_until_ready(compiled(*case.args))
        runs.append(time.perf_counter() - begin)
    leaves = jax.tree.leaves(eqx.filter(result, eqx.is_array))
    finite = all(np.isfinite(leaf).all() for leaf in leaves)
    return Timing(compiling, runs[1:], compiled.compiled.memory_analysis().temp_size_in_bytes / 1e6, finite)


def machine() -> str:
    """Device, processor and number of cores that this process may use."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return f"{jax.devices()[0].device_kind}; {processor}, {len(os.sched_getaffinity(0))} cores"


def main() -> None:
    """Print the table."""
    begin()
    print(
        f"runs with {FORWARD}, gradients through {GRADIENT}, float64; median of {REPEATS} (lowest to highest)\n"
    )
    print("| case | compile s | run s | ms per site-year | MB |\n|---|---|---|---|---|")
    for case in cases():
        timing = timed(case)
        if not timing.finite:
            raise SystemExit(f"{case.name}: not finite, its time means nothing")
        spread = f"{timing.median:.3f} ({min(timing.runs):.3f} to {max(timing.runs):.3f})"
        speed = 1e3 * timing.median * YEAR / case.intervals
        print(
            f"| {case.name} | {timing.compiling:.1f} | {spread} | {speed:.1f} | {timing.memory:.0f} |",
            flush=True,
        )


def begin() -> None:
    """Say what is measured where; compile times are to be those of a first run."""
    jax.config.update("jax_enable_compilation_cache", False)
    versions = ", ".join(f"{name} {package_version(name)}" for name in ("lad", "jax", "jaxlib", "equinox"))
    print(f"{machine()}\nPython {platform.python_version()}, {versions}\nrevision {git_revision()}")


if __name__ == "__main__":
    main()
