"""Leave whole years out: calibrate and train on some years of a site, and score on others, for one fold.

`--test` are the days that are scored. Models, sizes and options are chosen by such folds, so that no test period
affects the choice.
"""

import argparse
import functools
from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from lad.api import evaluate
from lad.baselines.data import baseline_data
from lad.baselines.fits import predict
from lad.errors import InputError
from lad.evaluation.arguments import by_seed, inputs_of_seeds
from lad.evaluation.ensemble import weighted_mean
from lad.evaluation.models import BASELINES, SEEDED_BASELINES
from lad.evaluation.multi_site import Networks
from lad.fluxes import BulkFluxes
from lad.io import write_csv, write_json
from lad.model import Model
from lad.observations import TARGETS, read_observed
from lad.output import flux_dataset
from lad.periods import NAMES, Periods, add_period_arguments, check_unseen, periods_from
from lad.provenance import provenance
from lad.settings import Calibration, Trainings
from lad.simulation import simulate
from lad.site_files import record_of
from lad.training.calibration import calibrate
from lad.training.data import learning_data
from lad.training.files import hybrids_to_begin_with
from lad.training.options import LEARNING
from lad.training.sites import Site, a_priori, read_site
from lad.training.training import train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad years`."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument("--forcing", type=Path, required=True, help="forcing file (netCDF)")
    parser.add_argument("--observations", type=Path, required=True, help="measured fluxes (netCDF)")
    add_period_arguments(parser, *NAMES)
    parser.add_argument("--calibration", required=True, metavar="JSON", help="settings of the calibration")
    parser.add_argument(
        "--models",
        required=True,
        metavar="JSON",
        help='{"models": {"mlp": {"model": {"law": "mlp", "states": true, "hidden": [32]}, "training": {"steps": '
        '300}}}, "ensembles": {}}: keys of models, training and ensembles of the settings',
    )
    parser.add_argument(
        "--begin",
        nargs="*",
        default=[],
        metavar="MODEL/SEED=EQX",
        help="multi-site networks from which the training of a model continues",
    )
    parser.add_argument("--baselines", nargs="*", choices=BASELINES, default=[], help="scored as well")
    parser.add_argument("--radiation", choices=("modelled", "prescribed"), default="modelled")
    parser.add_argument(
        "--spinup-passes", type=int, default=3, metavar="N", help="before each run (default 3)"
    )
    parser.add_argument("--integrator", default="fast-1", metavar="NAME", help="solver (default %(default)s)")
    parser.add_argument("--seeds", type=int, required=True, help="networks of each model")
    parser.add_argument("--output", type=Path, required=True, help="scores.csv; scores.json goes beside it")


def run(args: argparse.Namespace) -> None:
    """Calibrate, train, run, score and write."""
    if args.seeds < 1:
        raise InputError(f"--seeds {args.seeds}: expected at least 1")
    periods = periods_from(args, *NAMES)
    check_unseen(**periods)
    settings = Trainings.parse(args.models, "--models")
    networks = by_seed(args.begin, "--begin", "MODEL")
    for name in networks:
        if name not in settings.models:
            raise InputError(f"--begin {name}: expected one of --models, {', '.join(settings.models)}")
    calibration = Calibration.parse(args.calibration, "--calibration")
    learning = {name: periods[name] for name in LEARNING}
    runs = _runs(args, settings, calibration, learning, networks)
    validation = read_observed(args.observations, args.site).during(learning["validation"], args.observations)
    for name, members in settings.ensembles.items():
        runs[name] = weighted_mean({member: runs[member] for member in members}, validation)[0]
    runs |= _baselines(args, learning)
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations} | inputs_of_seeds("begin", networks),
        calibration=calibration.to_dict(),
        **settings.to_dict(),
        **{name: getattr(args, name) for name in ("seeds", "radiation", "spinup_passes", "integrator")},
        **periods,
    )
    write_json(args.output.with_suffix(".json"), origin)
    write_csv(args.output, evaluate(runs, args.observations, periods["test"]))


def _runs(
    args: argparse.Namespace,
    settings: Trainings,
    calibration: Calibration,
    learning: Mapping[str, Periods],
    networks: Networks,
) -> dict[str, xr.Dataset | list[xr.Dataset]]:
    """Runs over the record of calibrated LaD, and of all seeds of each model."""
    prescribed = args.radiation == "prescribed"
    record = record_of(args.site, args.forcing, args.observations if prescribed else None)
    data = learning_data(record, args.observations, **learning)
    table = a_priori(record.attrs, record.reference_height, args.forcing)
    calibrated = calibrate(data, table, calibration, args.integrator, site_id=args.site).parameters

    def run_of(model: Model) -> xr.Dataset:
        run = simulate(model, record, args.integrator, args.spinup_passes)
        return run[[*TARGETS.values()]]  # the states of all runs would take gigabytes

    @functools.cache  # models with the same start share what is read and LaD's own run
    def site_of(root_zone: str | None, ground_water: str | None, attributes: tuple[str, ...]) -> Site:
        return read_site(
            args.site,
            args.forcing,
            args.observations,
            **learning,
            parameters=calibrated,
            prescribed_radiation=prescribed,
            root_zone=root_zone,
            ground_water=ground_water,
            attributes=attributes,
        )

    runs: dict[str, xr.Dataset | list[xr.Dataset]] = {"bulk": run_of(Model(calibrated, BulkFluxes()))}
    for name, own in settings.models.items():
        site = site_of(own.model.root_zone, own.model.ground_water, own.model.attributes)
        begin = hybrids_to_begin_with([*networks.get(name, {}).values()], own.model)
        how = {"seeds": args.seeds, "begin": begin, "label": f"{args.site} {name}"}
        trained = train([site], own.model, own.training, args.integrator, **how)
        runs[name] = [run_of(trained.model(seed)) for seed in range(len(trained.hybrids))]
    return runs


def _baselines(
    args: argparse.Namespace, learning: Mapping[str, Periods]
) -> dict[str, xr.Dataset | list[xr.Dataset]]:
    """Runs of the baselines over the record, of all seeds where they have seeds."""
    data, runs = baseline_data(args.forcing, args.observations, **learning), {}
    for name in args.baselines:
        seeded = name in SEEDED_BASELINES
        own = [
            flux_dataset(data.record, fluxes, name, "baselines")
            for fluxes in predict(name, data, args.seeds if seeded else 1)
        ]
        runs[name] = own if seeded else own[0]
    return runs
