"""How wide to smooth: the smoothed model against the continuous limit of the original, width by width.

    PYTHONPATH=tests .venv/bin/python benchmarks/smoothing.py

takes two minutes. Each width is varied about its value in `lad.physics`, the others as they are. The model runs with
eight steps of `fast` an interval, so that what is left is the smoothing.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from reference_runs import DT, case, fortran

from lad.integrate import fast, roll_out
from lad.model import latent_heat
from lad.physics import hydrology, snow

RUNS = ("year_temperate", "unit_snow", "unit_drydown", "unit_saturation")
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
WIDTHS = [
    (snow, "PRESENCE"),
    (snow, "MELT_CONDUCTANCE"),
    (snow, "MELT_WIDTH"),
    (hydrology, "STRESS_POWER"),
    (hydrology, "OVERFLOW_WIDTH"),
    (hydrology, "OVERFLOW_TIME"),
]


@eqx.filter_jit
def run(index: int, value, model, start, weather):
    """T1, H, LE, Wr, Ws of a run with width `index` of `WIDTHS` set to `value`."""
    module, width = WIDTHS[index]
    before = getattr(module, width)
    setattr(module, width, value)
    try:
        result = roll_out(fast(8), model, start, weather, DT)[1]
    finally:
        setattr(module, width, before)
    state, rates = result.state, result.rates
    return state.T[0], rates.H, latent_heat(rates), state.root, state.snow


def errors(name: str, index: int, value) -> list[float]:
    """Root-mean-square differences of T1, H, LE, Wr, Ws of run `name`."""
    model, start, weather, _ = case(name)
    simulated, expected = run(index, value, model, start, weather), fortran(f"{name}_refined")
    return [
        float(np.sqrt(np.mean((np.asarray(x) - expected[key][: len(x)]) ** 2)))
        for key, x in zip(("T1", "H", "LE", "Wr", "Ws"), simulated, strict=True)
    ]


def main() -> None:
    """Print one table per width."""
    for index, (module, width) in enumerate(WIDTHS):
        chosen = getattr(module, width)
        print(f"\n{module.__name__}.{width} (chosen: {chosen:g}); rms of T1 K, H, LE W m-2, Wr, Ws kg m-2\n")
        print(f"| {width} | {' | '.join(RUNS)} |\n|---|{'---|' * len(RUNS)}")
        for factor in FACTORS:
            value = chosen * factor
            found = [errors(name, index, jnp.asarray(value)) for name in RUNS]
            cells = (" ".join(f"{x:.3f}" for x in error) for error in found)
            print(f"| {value:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
