"""Speed of the default solver against diffrax at equal accuracy, forward and gradient, one series and a batch.

    .venv/bin/python benchmarks/against_diffrax.py

takes about ten minutes. Of diffrax' methods and tolerances the fastest one is taken whose fluxes are within `WITHIN` of
a reference with tolerance 1e-8, on one series of LaD's own law over the synthetic year of `speed.py`. Let nothing else
run meanwhile.
"""

import jax
import numpy as np
import speed

from lad.evaluation.experiments import rms, run_solver
from lad.fluxes import BulkFluxes
from lad.integrate import adaptive, fast
from lad.model import Model
from lad.parameters import table_parameters
from lad.state import plain_state

WITHIN = 0.3  # W m-2, root-mean-square error of H and LE
TRIED = [("Tsit5", x) for x in (1e-3, 1e-4, 1e-5)] + [
    (f"Kvaerno{n}", x) for n in (3, 5) for x in (1e-2, 1e-3)
]
COMPARED = ("LaD, a year", "LaD, 64 windows", "network, 1 window, gradient", "network, 64 windows, gradient")


def fastest():
    """Method and tolerance."""
    parameters, year = table_parameters(cover=6, soil=2, z_ref=3.0), speed.synthetic_year()
    series = Model(parameters, BulkFluxes()), plain_state(parameters, year), year, speed.DT
    exact = run_solver(adaptive(1e-8, 1e-8, "Tsit5"), *series, repeats=1).values
    print("| solver | T1 K | H W m-2 | LE W m-2 | ms per site-year |\n|---|---|---|---|---|")
    candidates = []
    for name, solver, choice in [
        ("fast", fast(), None),
        *((f"{m} {x:g}", adaptive(x, x, m), (m, x)) for m, x in TRIED),
    ]:
        result = run_solver(solver, *series)
        errors = rms(result.values, exact)
        print(f"| {name} | {' | '.join(f'{x:.3f}' for x in errors)} | {1e3 * result.run_s:.0f} |", flush=True)
        if choice and np.max(errors[1:]) <= WITHIN:
            candidates.append((result.run_s, choice))
    return min(candidates)[1]


def main() -> None:
    """Print the tables."""
    speed.begin()
    speed.REPEATS = 3
    method, tolerance = fastest()

    def other(model, dt):  # keeps states alone for the way back, as `fast` does
        return jax.checkpoint(adaptive(tolerance, tolerance, method)(model, dt))

    print(f"\n| case | fast s | {method} {tolerance:g} s | ratio |\n|---|---|---|---|")
    for ours, theirs in zip(speed.cases(fast()), speed.cases(other), strict=True):
        if ours.name in COMPARED:
            a, b = speed.timed(ours), speed.timed(theirs)
            finite = "" if b.finite else ", not finite"
            print(
                f"| {ours.name} | {a.median:.3f} | {b.median:.3f}{finite} | {b.median / a.median:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
