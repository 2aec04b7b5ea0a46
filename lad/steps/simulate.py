"""Run LaD, or hybrids of it, freely over a forcing record.

Without an initial state, the model first runs through the record several times; each segment then begins with the mean
state for its time of year.
"""

import argparse
import json
from pathlib import Path

from lad.errors import InputError
from lad.fluxes import BulkFluxes
from lad.forcing import read_record
from lad.integrate.named import named
from lad.io import write_netcdf
from lad.model import Model
from lad.parameters import read_parameters
from lad.provenance import provenance
from lad.simulation import simulate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--forcing", required=True, metavar="NC", help="forcing file")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--parameters", metavar="JSON", help="LaD itself: params, z_ref_m, gust_m_s")
    model.add_argument(
        "--model", nargs="+", metavar="EQX", help="trained models, which contain their parameters"
    )
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--initial-state",
        metavar="FILE",
        help="start of the run, without spin-up: T, Ws, Wr, Wg (JSON), or a run (.nc) with an interval that ends "
        "when this one begins",
    )
    begin.add_argument(
        "--spinup-passes", type=int, default=3, metavar="N", help="runs through the record first (default 3)"
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
    parser.add_argument(
        "--output", required=True, nargs="+", type=Path, metavar="NC", help="states and fluxes, of each model"
    )


def run(args: argparse.Namespace) -> None:
    """Simulate and write."""
    sources = args.model or [args.parameters]
    if len(args.output) != len(sources):
        raise InputError(f"--output: found {len(args.output)}, expected {len(sources)}, one for each model")
    if args.spinup_passes < 0:
        raise InputError(f"--spinup-passes {args.spinup_passes}: expected 0 or more")
    named(args.integrator, with_original=True)  # refused before anything is read
    if args.model and args.integrator.startswith("original"):
        raise InputError("--integrator original-N works with LaD's own flux law only, not with --model")
    record = read_record(args.forcing, args.net_radiation)
    if args.initial_state and len(list(record.segments())) > 1:
        several = f"has several segments, {args.initial_state} could begin only one of them"
        raise InputError(f"{args.forcing}: {several}")
    if args.model:
        from lad.training.files import load_model

        models = [load_model(path, height=record.reference_height) for path in args.model]
    else:
        models = [Model(read_parameters(args.parameters, record.reference_height), BulkFluxes())]
    for source, model, output in zip(sources, models, args.output, strict=True):
        try:
            dataset = simulate(model, record, args.integrator, args.spinup_passes, args.initial_state)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        inputs = {
            "forcing": args.forcing,
            "net_radiation": args.net_radiation,
            "initial_state": args.initial_state,
            "model" if args.model else "parameters": source,
        }
        origin = provenance(
            {role: path for role, path in inputs.items() if path},
            integrator=args.integrator,
            spinup_passes=0 if args.initial_state else args.spinup_passes,
        )
        dataset.attrs["provenance"] = json.dumps(origin, sort_keys=True)
        write_netcdf(output, dataset)
        energy, water = dataset.attrs["max_energy_residual"], dataset.attrs["max_water_residual"]
        residuals = f"residuals up to {energy:.0e} J m-2, {water:.0e} kg m-2"
        print(f"{output}: {dataset.sizes['time']} intervals; {residuals}", flush=True)
