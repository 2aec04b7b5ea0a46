"""Calibrate LaD's own parameters on measured LE and H.

Gradient descent (Adam) through the solver, from the table's values and from random starts inside bounds; the start
with the lowest loss on the validation period wins. Writes the parameters of the winner (JSON), and optionally a table
of all and the history of the descent.
"""

import argparse
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from lad.errors import InputError
from lad.fluxes import BulkFluxes
from lad.forcing import Record, read_record
from lad.integrate import fast
from lad.io import write_csv, write_json
from lad.learn.arguments import LEARNING, add_learning_arguments, settings_from
from lad.learn.calibration import calibration_space
from lad.learn.data import learning_data
from lad.learn.fit import Settings, fit
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
    record = read_record(args.forcing)
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
    )
    checkpoint = args.output.with_name("checkpoint.eqx")
    result = fit(
        lambda free: Model(space.parameters(free), BulkFluxes()),
        jnp.asarray(space.starts(starts, args.seed)),
        plain_state(space.table, data.forcing),
        data,
        fast(args.steps_per_interval),
        settings,
        seed=args.seed,
        label=f"{args.site} calibrate",
        checkpoint=checkpoint,
        fingerprint=fingerprint(origin),
    )
    best = int(np.argmin(result.validation_loss))
    table = space.report(np.asarray(result.free), best)
    print(table.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    if args.table:
        write_csv(args.table, table)
    if args.history:
        write_csv(args.history, result.history)
    losses = {"validation_loss": result.validation_loss.tolist(), "best_start": best}
    write_json(args.output, to_json(space.parameters(result.free[best])) | losses | {"provenance": origin})
    checkpoint.unlink(missing_ok=True)


def _type(record: Record, name: str, args: argparse.Namespace) -> int:
    """LaD's type of cover or soil, which lad forcing writes into the forcing file; else that of the site table."""
    stated = record.attrs.get(f"lad_{name}")
    return int(stated) if stated is not None else getattr(site(args.site, args.sites), name)
