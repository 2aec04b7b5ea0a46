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
from lad.integrate.named import named
from lad.io import read_netcdf, write_csv
from lad.learn.arguments import LEARNING, add_learning_arguments, learning_record, settings_from
from lad.learn.data import learning_data
from lad.learn.files import load_calibrated, save_model
from lad.learn.fit import fit
from lad.learn.hybrid import Hybrid, check_law, random_law, seen_states
from lad.learn.normalise import calibrated_states, made_up, training_scaling
from lad.learn.rounds import Settings
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
    parser.add_argument(
        "--integrator",
        metavar="NAME",
        help="to train through, as explicit-1 (default: fast); the calibrated states that scale the inputs are of fast",
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
    parameters, space = load_calibrated(args.parameters, record.reference_height)
    layers = parameters.dz.shape[0]
    if "soil" in states and layers != LAYERS:
        raise InputError(
            f"{args.parameters}: {layers} soil layers, expected the {LAYERS} that a network sees"
        )
    periods = periods_from(args, *LEARNING)
    data = learning_data(record, args.observations, periods["train"], periods["validation"])
    integrator = args.integrator or f"fast-{args.steps_per_interval}"
    start = plain_state(parameters, data.forcing)
    calibrated = calibrated_states(data, parameters, start, fast(args.steps_per_interval))
    unseen = made_up(read_netcdf(args.forcing), data.trained)
    if unseen:
        print(
            f"not seen by the network, made up in most of the training: {', '.join(unseen)}", file=sys.stderr
        )
    scaling = training_scaling(data, parameters, calibrated, states, unseen)
    laws = [random_law(law_settings, scaling, seed) for seed in range(args.seeds)]
    hybrid = Hybrid(laws[0], space, space.free(parameters))
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations, "parameters": args.parameters},
        training=values,
        model=law_settings,
        train=[str(period) for period in periods["train"]],
        validation=[str(period) for period in periods["validation"]],
        seeds=args.seeds,
        steps_per_interval=args.steps_per_interval,
        radiation=args.radiation,
        integrator=integrator,
    )
    checkpoint = args.output_directory / "checkpoint.eqx"
    result = fit(
        hybrid.model,
        hybrid.free(laws),
        start,
        data,
        named(integrator),
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
