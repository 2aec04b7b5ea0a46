"""Train one network on many towers at once, through the model's differential equations.

Files are given in the order of the sites. Writes seed0.eqx, seed1.eqx, … (the network of each seed at its lowest
validation loss, the mean over the sites) and history.csv; `lad place` makes the model of a tower of such a file. All
devices that JAX finds, and all processes of a Slurm step, share the work.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lad.errors import InputError
from lad.integrate.named import named
from lad.io import write_csv
from lad.learn.arguments import LEARNING, settings_from
from lad.learn.data import learning_data
from lad.learn.hybrid import Free, random_law, seen_states, stacked_weights, with_weights
from lad.learn.normalise import calibrated_states, input_moments
from lad.learn.rounds import Settings
from lad.many import devices
from lad.many.fit import fit
from lad.many.joint import BODY, Joint, check_joint, pooled_scaling, save_joint
from lad.many.lanes import Tower
from lad.many.place import place
from lad.periods import read_periods
from lad.provenance import fingerprint, provenance
from lad.site_files import add_site_files, record_of, site_files
from lad.state import plain_state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    add_site_files(parser)
    parser.add_argument(
        "--model-settings",
        required=True,
        metavar="JSON",
        help='{"law", "states", "hidden", "attributes"}: a model of the settings, and what it sees of a site',
    )
    parser.add_argument("--settings", required=True, metavar="JSON", help="settings of the descent")
    parser.add_argument("--integrator", default="fast-1", metavar="NAME", help="to train through (fast-1)")
    parser.add_argument("--seeds", type=int, required=True, help="number of networks, from different weights")
    parser.add_argument("--output-directory", required=True, type=Path)


def read_towers(files: Mapping[str, Mapping[str, Path]], law_settings: Mapping[str, Any], solver):
    """The sites of a training by their files, and the moments of the inputs at each.

    Raises InputError as the readers do, and for sites whose half-hours are not equally long.
    """
    states, towers, moments = seen_states(law_settings), [], []
    for site, paths in files.items():
        record = record_of(site, paths["forcing"])
        periods = read_periods(paths["periods"], *LEARNING)
        data = learning_data(record, paths["observations"], periods["train"], periods["validation"])
        if towers and data.dt != towers[0].data.dt:
            raise InputError(
                f"{paths['forcing']}: intervals of {data.dt:g} s, expected {towers[0].data.dt:g} s as elsewhere"
            )
        here = place(paths["forcing"], record.reference_height, law_settings["attributes"])
        start = plain_state(here.space.table, data.forcing)
        free_run = calibrated_states(data, here.space.table, start, solver)
        moments.append(input_moments(data, here.space.table, free_run, states))
        towers.append(Tower(site, here, data, start, np.asarray(free_run.T[0])))
    return towers, moments


def run(args: argparse.Namespace) -> None:
    """Train and write."""
    devices.join()
    if args.seeds < 1:
        raise InputError(f"--seeds {args.seeds}: expected at least 1")
    law_settings = settings_from(args.model_settings)
    check_joint(law_settings, "--model-settings")
    values = settings_from(args.settings)
    settings = Settings.from_dict(values, "--settings")
    files, solver = site_files(args), named(args.integrator)
    towers, moments = read_towers(files, law_settings, solver)
    scaling = pooled_scaling([t.place for t in towers], moments, [t.data.scale() for t in towers])
    laws = [random_law(law_settings, scaling, seed) for seed in range(args.seeds)]
    origin = provenance(
        {f"{name} {site}": path for site, of_site in files.items() for name, path in of_site.items()},
        training=values,
        model=law_settings,
        sites=list(files),
        seeds=args.seeds,
        integrator=args.integrator,
    )

    def build(free: Free) -> Joint:
        return Joint(with_weights(laws[0], free.weights), free.body)

    folder = args.output_directory
    checkpoint = folder / "checkpoint.eqx"
    devices.check_alike(checkpoint)
    result = fit(
        build,
        Free(stacked_weights(laws), jnp.zeros((args.seeds, BODY))),
        towers,
        solver,
        settings,
        seed=0,
        label=f"{len(towers)} sites on {jax.device_count()} × {jax.default_backend()}, {folder.name}",
        checkpoint=checkpoint,
        fingerprint=fingerprint(origin),
    )
    if jax.process_index() > 0:
        return
    for seed in range(args.seeds):
        joint = build(jax.tree.map(lambda x, seed=seed: x[seed], result.free))
        about = origin | {"seed": seed, "validation_loss": float(result.validation_loss[seed])}
        save_joint(folder / f"seed{seed}.eqx", joint, law_settings, about)
    write_csv(folder / "history.csv", result.history)
    checkpoint.unlink(missing_ok=True)
