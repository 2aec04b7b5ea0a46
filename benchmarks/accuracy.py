"""Error of the default solver's steps: `fast` against the adaptive reference over a year, with LaD's own law.

    PYTHONPATH=tests .venv/bin/python benchmarks/accuracy.py [SITE=FORCING.nc,PARAMETERS.json ...]

The synthetic temperate year of the reference runs, and the first year of each tower named, spun up for two years. The
reference takes two to five minutes a year.
"""

import sys
import time

import jax
import numpy as np
from reference.forcing_formulas import forcing
from reference_runs import DT, ORDER, case

from lad.fluxes import BulkFluxes
from lad.forcing import make_forcing, read_record, rows
from lad.integrate import adaptive, fast
from lad.model import Model, latent_heat
from lad.parameters import read_parameters
from lad.simulation import after_first_year, free_run

STEPS = (1, 2, 4)
TOLERANCE = 1e-8


def temperate():
    """Model, start and forcing of the synthetic year."""
    model, start, _, _ = case("year_temperate", 1)
    return model, start, make_forcing(**dict(zip(ORDER, forcing("temperate", 365 * 48).T, strict=True)))


def tower(forcing_file: str, parameters_file: str):
    """The same of a tower."""
    record = read_record(forcing_file)
    model = Model(read_parameters(parameters_file, record.reference_height), BulkFluxes())
    return model, *after_first_year(model, rows(record.forcing, next(record.segments())), record.dt)


def main() -> None:
    """Print the table."""
    cases = {"temperate": temperate()}
    for argument in sys.argv[1:]:
        site, _, files = argument.partition("=")
        cases[site] = tower(*files.split(","))
    solvers = {f"diffrax, {TOLERANCE:g}": adaptive(TOLERANCE, TOLERANCE)}
    solvers |= {f"fast, {n} steps": fast(n) for n in STEPS}
    print("| year | solver | T1 K | H W m-2 | LE W m-2 | seconds |\n|---|---|---|---|---|---|")
    for name, (model, start, weather) in cases.items():
        exact = None
        for label, solver in solvers.items():
            compiled = free_run.lower(solver, model, start, weather, DT).compile()
            begin = time.perf_counter()
            result = jax.block_until_ready(compiled(solver, model, start, weather, DT)[1])
            seconds = time.perf_counter() - begin
            found = np.array([result.state.T[0], result.rates.H, latent_heat(result.rates)])
            exact = found if exact is None else exact
            errors = np.sqrt(np.mean((found - exact) ** 2, axis=1))
            print(
                f"| {name} | {label} | {' | '.join(f'{x:.3f}' for x in errors)} | {seconds:.2f} |", flush=True
            )


if __name__ == "__main__":
    main()
