"""Runs of the original Fortran as test cases, and flux laws to test with."""

import functools
import json
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from reference.forcing_formulas import forcing, unit_forcing

from lad.fluxes import FORCING_INPUTS, LEARNT_LAWS, BulkFluxes, LearntFluxes, Network, Scaling
from lad.fluxes import STATES as STATES_SEEN
from lad.forcing import Forcing, make_forcing
from lad.integrate import Trajectory, fast, roll_out
from lad.model import Model
from lad.parameters import from_json
from lad.state import State, initial_state

FOLDER = Path(__file__).parent / "reference"
DT = 1800.0
PIECE = 3  # days
FAST = fast()
ORDER = ("SWdown", "LWdown", "Rainf", "Snowf", "Tair", "Qair", "Wind", "Psurf")
STATES = ("dry", "snow-free", "full", "deep snow", "calm", "dark")


class Case(NamedTuple):
    model: Model
    start: State
    forcing: Forcing
    content: dict


@functools.cache
def case(name: str, days: int | None = None) -> Case:
    """A reference run, or its first `days`, with LaD's own law."""
    content = json.loads((FOLDER / f"{name}.json").read_text())
    if name.startswith("year_"):
        values = forcing(name.removeprefix("year_"), 48 * 120)
    else:
        values = unit_forcing(name.removeprefix("unit_").removesuffix("off"), content["n_records"])
    values = values[: 48 * days if days else None]
    weather = make_forcing(**dict(zip(ORDER, values.T, strict=True)))
    parameters = from_json(content, name)
    return Case(Model(parameters, BulkFluxes()), initial_state(content, name, parameters), weather, content)


@functools.cache
def fortran(name: str) -> np.ndarray:
    """Table of a run: columns by name."""
    return np.genfromtxt(FOLDER / f"{name}.csv.gz", delimiter=",", names=True)


run = eqx.filter_jit(roll_out)


@functools.cache
def trajectory(name: str, solver=FAST, days: int | None = None) -> Trajectory:
    """Run of the model on a case."""
    model, start, weather, _ = case(name, days)
    return padded_run(solver, model, start, weather)


def padded_run(solver, model: Model, start: State, weather: Forcing) -> Trajectory:
    """`roll_out` in pieces of one length, the last filled up, so that it is compiled once for all cases."""
    parts, rows, piece = [], weather.Tair.shape[0], 48 * PIECE
    for first in range(0, rows, piece):
        index = np.minimum(np.arange(first, first + piece), rows - 1)
        start, part = run(solver, model, start, jax.tree.map(lambda x, i=index: x[i], weather), DT)
        parts.append(part)
    return jax.tree.map(lambda *x: np.concatenate(x)[:rows], *parts)


def network(seed: int = 0, scale: float = 1.0, law: str = "mlp", states=STATES_SEEN) -> LearntFluxes:
    """Learnt law whose network is random, with weights multiplied by `scale`."""
    mean = jnp.array([180.0, 300.0, 285.0, 600.0, 3.0, 0.0, 285.0, 285.0, 285.0, 285.0, 0.5, -1.0, 0.1, 0.1])
    std = jnp.array([250.0, 60.0, 9.0, 500.0, 1.5, 3.0, 8.0, 7.0, 6.0, 5.0, 0.3, 1.0, 0.3, 0.3])
    used = np.cumsum([len(FORCING_INPUTS), *STATES_SEEN.values()])
    kept = np.r_[
        : used[0], *(np.r_[used[k] : used[k + 1]] for k, name in enumerate(STATES_SEEN) if name in states)
    ]
    scaling = Scaling(mean[kept], std[kept], jnp.array([50.0, 40.0]), jnp.array([80.0, 100.0]))
    cls = LEARNT_LAWS[law]
    frame = Network(scaling, states=states, hidden=(16, 16), outputs=cls.OUTPUTS, key=jax.random.key(seed))
    return cls.of(eqx.tree_at(lambda n: n.layers, frame, jax.tree.map(lambda w: scale * w, frame.layers)))


def awkward(days: int) -> tuple[State, Forcing]:
    """Starts and weather at the edge of what there is, one for each of `STATES`, stacked."""
    model, start, weather, _ = case("year_temperate")
    spring = jax.tree.map(lambda x: x[48 * 100 : 48 * (100 + days)], weather)
    winter = jax.tree.map(lambda x: x[48 * 20 : 48 * (20 + days)], weather)
    full = model.parameters.Wmax

    def state(snow=0.0, root=0.5 * full, T=288.0):
        return State(tuple(jnp.full((), T) for _ in start.T), *(jnp.asarray(x) for x in (snow, root, 5.0)))

    def weather_like(base, **values):
        columns = {name: getattr(base, name) for name in ORDER}
        return make_forcing(**columns | {k: jnp.full_like(base.Tair, v) for k, v in values.items()})

    cases = [
        (state(root=0.0), weather_like(spring, Rainf=0.0)),
        (state(), weather_like(spring, Snowf=0.0)),
        (state(root=full), spring),
        (state(snow=800.0, T=265.0), winter),
        (state(), weather_like(spring, Wind=0.0)),
        (state(), weather_like(spring, SWdown=0.0)),
    ]
    return jax.tree.map(lambda *x: jnp.stack(x), *cases)
