"""Calibrate LaD's own parameters on measured LE and H.

Gradient descent (Adam) through the solver, from the table's values and from random starts inside bounds, and an
evolution strategy (CMA-ES) with as many model runs as all descents together; the search with the lowest loss on the
validation period wins. Writes the parameters of the winner (JSON), and optionally a table of all searches, with what
the fluxes determine, and their history.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.fluxes import BulkFluxes
from lad.forcing import Record
from lad.integrate import fast
from lad.io import write_csv, write_json
from lad.learn.arguments import LEARNING, add_learning_arguments, learning_record, settings_from
from lad.learn.calibration import calibration_space
from lad.learn.data import learning_data
from lad.learn.evolution import descent_runs, evolve
from lad.learn.fit import fit
from lad.learn.identifiability import hessian, ranges
from lad.learn.objective import WEIGHTINGS
from lad.learn.rounds import Settings
from lad.learn.survey import FIRST_SPIN_UP, Survey
from lad.model import Model
from lad.parameters import table_parameters, to_json
from lad.periods import periods_from
from lad.provenance import fingerprint, provenance
from lad.state import plain_state
from lad.towers.sites import site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--site", required=True, help="site id, as in the files")
    parser.add_argument("--sites", help="table of sites, where the forcing does not tell cover and soil")
    add_learning_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="of starting points and windows")
    parser.add_argument("--output", required=True, type=Path, help="parameters (JSON)")
    parser.add_argument("--table", type=Path, help="table of parameters, bounds and spread (CSV)")
    parser.add_argument("--history", type=Path, help="losses during the descent (CSV)")


def run(args: argparse.Namespace) -> None:
    """Calibrate and write."""
    values = settings_from(args.settings)
    starts = values.pop("starts", None)
    if not isinstance(starts, int) or starts < 1:
        raise InputError(f"--settings: starts = {starts!r}, expected a positive whole number")
    settings = Settings.from_dict(values, "--settings")
    record = learning_record(args)
    found = record.attrs.get("site_id", args.site)
    if found != args.site:
        raise InputError(f"{args.forcing}: is of site {found}, expected {args.site}")
    cover, soil = (_type(record, name, args) for name in ("cover", "soil"))
    periods = periods_from(args, *LEARNING)
    data = learning_data(record, args.observations, periods["train"], periods["validation"])
    space = calibration_space(table_parameters(cover, soil, record.reference_height))
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations},
        site=args.site,
        cover=cover,
        soil=soil,
        table=to_json(space.table),
        calibration=values | {"starts": starts},
        train=[str(period) for period in periods["train"]],
        validation=[str(period) for period in periods["validation"]],
        seed=args.seed,
        steps_per_interval=args.steps_per_interval,
        radiation=args.radiation,
    )

    def build(free):
        return Model(space.parameters(free), BulkFluxes())

    solver, start = fast(args.steps_per_interval), plain_state(space.table, data.forcing)
    label, mark = f"{args.site} calibrate", fingerprint(origin)
    checkpoints = [args.output.with_name(f"{name}.eqx") for name in ("checkpoint", "checkpoint_cmaes")]
    begins = space.starts(starts, args.seed)
    result = fit(
        build,
        jnp.asarray(begins),
        start,
        data,
        solver,
        settings,
        seed=args.seed,
        label=label,
        checkpoint=checkpoints[0],
        fingerprint=mark,
    )
    scale = WEIGHTINGS[settings.loss](data.scale()[1])
    survey = Survey(build, data, solver, scale, label)
    evolved = evolve(
        space.origin(),
        start,
        survey,
        descent_runs(settings, data, begins.shape, result.history),
        seed=args.seed,
        label=f"{label}, CMA-ES",
        checkpoint=checkpoints[1],
        fingerprint=mark,
    )
    searches = [f"descent {number}" for number in range(starts)] + ["CMA-ES"]
    optima = np.vstack([result.free, evolved.free])
    # Judged anew, all after the same spin-up: during a search each had that of its own course.
    judged = survey(jnp.asarray(optima), survey.begin(start, len(optima)), FIRST_SPIN_UP)
    losses = judged.losses[1]
    best = int(np.argmin(losses))
    begin_best = [jax.tree.map(lambda x: x[best], state) for state in judged.starts]
    curvature = hessian(build, jnp.asarray(optima[best]), begin_best, data, solver, scale)
    table = space.report(
        np.vstack([begins, begins[:1]]), optima, best, ranges(curvature, judged.losses[0, best])
    )
    print(table.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    print(f"lowest validation loss: {searches[best]}, {losses[best]:.4f}")
    if args.table:
        write_csv(args.table, table)
    if args.history:
        by_descent = result.history.assign(member=[searches[m] for m in result.history.member])
        write_csv(args.history, pd.concat([by_descent, evolved.history.assign(member="CMA-ES")]))
    told = {"validation_loss": dict(zip(searches, losses.tolist(), strict=True)), "best": searches[best]}
    write_json(args.output, to_json(space.parameters(optima[best])) | told | {"provenance": origin})
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)


def _type(record: Record, name: str, args: argparse.Namespace) -> int:
    """LaD's type of cover or soil, which lad forcing writes into the forcing file; else that of the site table."""
    stated = record.attrs.get(f"lad_{name}")
    return int(stated) if stated is not None else getattr(site(args.site, args.sites), name)
