"""Train a hybrid model, through the model's differential equations.

All seeds are trained at once. Writes seed0.eqx, seed1.eqx, … (the model of each seed at its lowest validation loss) and
history.csv.
"""

import argparse
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

from lad.errors import InputError
from lad.fluxes import LAYERS
from lad.integrate import fast
from lad.io import read_json, read_netcdf, write_csv
from lad.learn.arguments import LEARNING, add_learning_arguments, learning_record, settings_from
from lad.learn.calibration import Space
from lad.learn.data import learning_data
from lad.learn.files import save_model
from lad.learn.fit import Settings, fit
from lad.learn.hybrid import Hybrid, check_law, random_law, seen_states
from lad.learn.normalise import calibrated_states, made_up, training_scaling
from lad.parameters import Parameters, from_json, parameters_at
from lad.periods import periods_from
from lad.provenance import fingerprint, provenance
from lad.state import plain_state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    add_learning_arguments(parser)
    parser.add_argument("--parameters", required=True, help="LaD's parameters (JSON), as calibrated")
    parser.add_argument(
        "--model-settings",
        required=True,
        metavar="JSON",
        help='{"law", "states", "hidden"}, as a model of the settings',
    )
    parser.add_argument("--seeds", type=int, required=True, help="number of networks, from different weights")
    parser.add_argument("--output-directory", required=True, type=Path)


def run(args: argparse.Namespace) -> None:
    """Train and write."""
    if args.seeds < 1:
        raise InputError(f"--seeds {args.seeds}: expected at least 1")
    law_settings = settings_from(args.model_settings)
    check_law(law_settings, "--model-settings")
    values = settings_from(args.settings)
    settings = Settings.from_dict(values, "--settings")
    record = learning_record(args)
    states = seen_states(law_settings)
    parameters = _parameters(args.parameters, record.reference_height, states)
    periods = periods_from(args, *LEARNING)
    data = learning_data(record, args.observations, periods["train"], periods["validation"])
    solver = fast(args.steps_per_interval)
    start = plain_state(parameters, data.forcing)
    calibrated = calibrated_states(data, parameters, start, solver)
    unseen = made_up(read_netcdf(args.forcing), data)
    if unseen:
        print(
            f"not seen by the network, made up in most of the training: {', '.join(unseen)}", file=sys.stderr
        )
    scaling = training_scaling(data, parameters, calibrated, states, unseen)
    laws = [random_law(law_settings, scaling, seed) for seed in range(args.seeds)]
    hybrid = Hybrid.of(laws[0], parameters, _table(args.parameters, parameters))
    _check_bounds(hybrid.space, parameters, args.parameters)
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations, "parameters": args.parameters},
        training=values,
        model=law_settings,
        train=[str(period) for period in periods["train"]],
        validation=[str(period) for period in periods["validation"]],
        seeds=args.seeds,
        steps_per_interval=args.steps_per_interval,
        radiation=args.radiation,
    )
    checkpoint = args.output_directory / "checkpoint.eqx"
    result = fit(
        hybrid.model,
        hybrid.free(laws),
        start,
        data,
        solver,
        settings,
        seed=0,
        label=f"{record.attrs.get('site_id', 'site')} {args.output_directory.name}",
        checkpoint=checkpoint,
        fingerprint=fingerprint(origin),
        surface=jnp.asarray(calibrated.T[0]),
    )
    for seed in range(args.seeds):
        model = hybrid.model(jax.tree.map(lambda x, seed=seed: x[seed], result.free))
        about = origin | {"seed": seed, "validation_loss": float(result.validation_loss[seed])}
        save_model(args.output_directory / f"seed{seed}.eqx", model, law_settings, about)
    write_csv(args.output_directory / "history.csv", result.history)
    checkpoint.unlink(missing_ok=True)


def _table(source: str, parameters: Parameters) -> Parameters:
    """The table's parameters that a calibration started from, as its file tells; without, the parameters themselves."""
    table = read_json(source).get("provenance", {}).get("settings", {}).get("table")
    return parameters if table is None else from_json(table, source)


def _check_bounds(space: Space, parameters: Parameters, source: str) -> None:
    """Raise InputError for parameters that no calibration gives: training could not start from them."""
    for b in space.bounds:
        value = space.quantities(parameters)[b.name]
        if not b.low * (1 - 1e-6) <= value <= b.high * (1 + 1e-6):
            raise InputError(
                f"{source}: {b.name} = {value:g} {b.unit}, expected {b.low:g} to {b.high:g}, as calibrated"
            )


def _parameters(source: str, height: float, states: tuple[str, ...]) -> Parameters:
    """Parameters that the body of a hybrid can have; raises InputError for others."""
    parameters = parameters_at(height, read_json(source), source)
    layers = parameters.dz.shape[0]
    if "soil" in states and layers != LAYERS:
        raise InputError(f"{source}: {layers} soil layers, expected the {LAYERS} that a network sees")
    return parameters
