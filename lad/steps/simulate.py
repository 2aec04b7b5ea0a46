"""Run LaD, or a hybrid of it, freely over a forcing record.

Without an initial state the record is run several times before; each of its segments then begins with the mean state of
its time of year.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from lad.errors import InputError
from lad.fluxes import BulkFluxes
from lad.forcing import Forcing, Record, read_record
from lad.integrate import split_state
from lad.integrate.named import named
from lad.io import read_json, write_netcdf
from lad.model import Model
from lad.output import simulation_dataset
from lad.parameters import Parameters, check_height, parameters_at
from lad.provenance import provenance
from lad.simulation import check_budgets, simulate
from lad.state import State, initial_state, plain_state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--forcing", required=True, metavar="NC", help="forcing file")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--parameters", metavar="JSON", help="LaD itself: params, z_ref_m, gust_m_s")
    model.add_argument("--model", metavar="EQX", help="trained model, which has its parameters in it")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--initial-state", metavar="JSON", help="T, Ws, Wr, Wg; then no spin-up")
    begin.add_argument(
        "--spinup-passes", type=int, default=3, metavar="N", help="runs through the record before (default 3)"
    )
    parser.add_argument(
        "--integrator",
        default="fast-1",
        metavar="NAME",
        help="scheme and steps in an interval: fast-1 (default), euler-2, split-1, explicit-4; diffrax: adaptive, "
        "error-controlled; original-1: LaD's own operator splitting, not smoothed",
    )
    parser.add_argument(
        "--net-radiation",
        metavar="NC",
        help="observations whose measured Rnet is prescribed (default: modelled)",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="NC", help="states and fluxes")


def run(args: argparse.Namespace) -> None:
    """Simulate and write."""
    if args.spinup_passes < 0:
        raise InputError(f"--spinup-passes {args.spinup_passes}: expected 0 or more")
    solver = named(args.integrator, with_original=True)
    record = read_record(args.forcing, args.net_radiation)
    model = _model(args, record.reference_height)
    start = _start(args, record, model.parameters)
    passes = 0 if args.initial_state else args.spinup_passes
    trajectory = simulate(solver, model, record, start, passes)
    if not _is_original(args):  # which is known to leak
        check_budgets(trajectory, record.time)
    inputs = {"forcing": args.forcing}
    inputs |= {"net_radiation": args.net_radiation} if args.net_radiation else {}
    inputs |= {"initial_state": args.initial_state} if args.initial_state else {}
    inputs |= {"model": args.model} if args.model else {"parameters": args.parameters}
    origin = provenance(
        inputs,
        integrator=args.integrator,
        spinup_passes=passes,
    )
    attrs = {"provenance": json.dumps(origin, sort_keys=True)}
    dataset = simulation_dataset(trajectory, model.parameters, record, attrs)
    write_netcdf(args.output, dataset)
    energy, water = dataset.attrs["max_energy_residual"], dataset.attrs["max_water_residual"]
    print(
        f"{args.output}: {len(record.time)} intervals; residuals up to {energy:.0e} J m-2, {water:.0e} kg m-2"
    )


def _model(args: argparse.Namespace, height: float) -> Model:
    """The model of the options, for forcing at `height` (m)."""
    if args.model is None:
        return Model(parameters_at(height, read_json(args.parameters), args.parameters), BulkFluxes())
    if _is_original(args):
        raise InputError("--integrator original-N works with LaD's own flux law only, not with --model")
    from lad.training.files import load_model

    model = load_model(args.model)
    check_height(model.parameters, height, args.model)
    return model


def _is_original(args: argparse.Namespace) -> bool:
    return args.integrator.startswith("original")


def _start(args: argparse.Namespace, record: Record, parameters: Parameters) -> Callable[[Forcing], State]:
    """State at the beginning of a segment, as a function of its forcing."""
    source = args.initial_state
    content = read_json(source) if source else {}
    if source and len(list(record.segments())) > 1:
        raise InputError(f"{args.forcing}: has several segments, {source} could begin only one of them")
    given = initial_state(content, source, parameters) if source else None

    def start(forcing: Forcing) -> State:
        state = given or plain_state(parameters, forcing)
        if _is_original(args):
            return split_state(state, forcing, content, source)
        return state

    return start
