"""Train a hybrid model at one site, or one network at several, through the model's differential equations.

Lists of files are in the order of the sites. All seeds are trained at once; all devices that JAX finds, and all
processes of a Slurm step, share the work. Writes seed0.eqx, seed1.eqx, … (the model of each seed at its lowest
validation loss, the mean over the sites) and history.csv.
"""

import argparse
from pathlib import Path

import jax

from lad.errors import InputError
from lad.integrate.named import named
from lad.provenance import fingerprint, provenance
from lad.settings import Descent, ModelSettings
from lad.site_files import add_site_files, inputs_of, of_each_site, site_periods
from lad.training import devices
from lad.training.files import hybrids_to_begin_with
from lad.training.options import LEARNING, add_fit_arguments
from lad.training.sites import read_site
from lad.training.training import train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    add_site_files(parser, *LEARNING)
    add_fit_arguments(parser)
    parser.add_argument(
        "--parameters",
        nargs="+",
        type=Path,
        metavar="JSON",
        help="of lad calibrate, of each site (default: LaD's table by cover and soil)",
    )
    parser.add_argument(
        "--model-settings",
        required=True,
        metavar="JSON",
        help='JSON object with the keys of a model in the settings, and the "attributes" of a site that it sees',
    )
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument("--seeds", type=int, help="number of networks, from different random weights")
    weights.add_argument(
        "--begin",
        nargs="+",
        type=Path,
        default=[],
        metavar="EQX",
        help="multi-site networks to continue from, with --parameters",
    )
    parser.add_argument("--output-directory", required=True, type=Path)


def run(args: argparse.Namespace) -> None:
    """Train and write."""
    devices.join()
    seeds = len(args.begin) or args.seeds
    if seeds < 1:
        raise InputError(f"--seeds {seeds}: expected at least 1")
    if args.begin and not args.parameters:
        raise InputError("--begin: expected --parameters, calibrated at each site")
    model = ModelSettings.parse(args.model_settings, "--model-settings")
    descent = Descent.parse(args.settings, "--settings")
    for name in ("root_zone", "ground_water"):
        if (value := getattr(model, name)) and value != "climate" and not args.parameters:
            raise InputError(f"{name} {value}: expected --parameters, calibrated at each site")
    named(args.integrator)  # refused before anything is read
    files, periods = (
        of_each_site(args, "forcing", "observations", "parameters"),
        site_periods(args, *LEARNING),
    )
    seen = {"attributes": model.attributes, "prescribed_radiation": args.radiation == "prescribed"}
    seen |= {"root_zone": model.root_zone, "ground_water": model.ground_water}
    sites = [read_site(site, **files[site], **periods[site], **seen) for site in args.site]
    origin = provenance(
        inputs_of(files) | {f"begin {number}": path for number, path in enumerate(args.begin)},
        training=descent.to_dict(),
        model=model.to_dict(),
        sites=args.site,
        periods=periods,
        seeds=seeds,
        radiation=args.radiation,
        integrator=args.integrator,
    )
    folder = args.output_directory
    where = (
        args.site[0]
        if len(sites) == 1
        else f"{len(sites)} sites{f' on {jax.device_count()} devices' * (jax.device_count() > 1)},"
    )
    trained = train(
        sites,
        model,
        descent,
        args.integrator,
        seeds=seeds,
        begin=hybrids_to_begin_with(args.begin, model),
        label=f"{where} {folder.name}",
        folder=folder,
        fingerprint=fingerprint(origin),
    )
    if jax.process_index() == 0:
        trained.save(folder, origin)
