"""Leave whole years out: calibrate and train on some years of a site, and score on others, for one fold.

Models, sizes and levers are chosen by such folds, so that no test period has a part in the choice.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lad.api import evaluate
from lad.baselines.data import baseline_data
from lad.baselines.fits import predict
from lad.evaluation.ensemble import stacking
from lad.evaluation.models import BASELINES, SEEDED_BASELINES
from lad.evaluation.series import Simulated, positions
from lad.fluxes import BulkFluxes
from lad.io import write_csv, write_json
from lad.model import Model
from lad.observations import TARGETS, read_observed
from lad.output import flux_dataset
from lad.periods import NAMES, Periods, add_period_arguments, periods_from
from lad.provenance import provenance
from lad.settings import Calibration, Descent, ModelSettings
from lad.simulation import simulate
from lad.site_files import record_of
from lad.training.calibration import calibrate
from lad.training.data import learning_data
from lad.training.options import LEARNING
from lad.training.sites import a_priori, read_site
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
        help="name: {model: settings of the model, training: settings of its training}",
    )
    parser.add_argument("--ensembles", default="{}", metavar="JSON", help="name: [models] (default: none)")
    parser.add_argument("--baselines", nargs="*", choices=BASELINES, default=[], help="scored as well")
    parser.add_argument("--integrator", default="fast-1", metavar="NAME", help="solver (default %(default)s)")
    parser.add_argument("--seeds", type=int, required=True, help="networks of each model")
    parser.add_argument("--output", type=Path, required=True, help="scores.csv; scores.json goes beside it")


def run(args: argparse.Namespace) -> None:
    """Calibrate, train, run, score and write."""
    periods = periods_from(args, *NAMES)
    learning = {name: periods[name] for name in LEARNING}
    models = {
        name: (
            ModelSettings.parse(own["model"], f"--models {name}"),
            Descent.parse(own["training"], f"--models {name}"),
        )
        for name, own in json.loads(args.models).items()
    }
    record = record_of(args.site, args.forcing)
    data = learning_data(record, args.observations, **learning)
    table = a_priori(record.attrs, record.reference_height, args.forcing)
    calibration = Calibration.parse(args.calibration, "--calibration")
    calibrated = calibrate(data, table, calibration, args.integrator, site_id=args.site).parameters
    runs = {"bulk": [simulate(Model(calibrated, BulkFluxes()), record, args.integrator)]}
    for name, (model, descent) in models.items():
        site = read_site(
            args.site,
            args.forcing,
            args.observations,
            **learning,
            parameters=calibrated,
            root_zone=model.root_zone,
            ground_water=model.ground_water,
        )
        label = f"{args.site} {name}"
        trained = train([site], model, descent, args.integrator, seeds=args.seeds, label=label)
        runs[name] = [simulate(trained.model(seed), record, args.integrator) for seed in range(args.seeds)]
    for name, members in json.loads(args.ensembles).items():
        runs[name] = [
            _mean({member: runs[member] for member in members}, args.observations, periods["validation"])
        ]
    runs |= _baselines(args, learning)
    files = {"forcing": args.forcing, "observations": args.observations}
    settings = {
        name: getattr(args, name) for name in ("calibration", "models", "ensembles", "seeds", "integrator")
    }
    write_json(args.output.with_suffix(".json"), provenance(files, **settings, **periods))
    write_csv(args.output, evaluate(runs, args.observations, periods["test"]))


def _mean(runs: Mapping[str, list[xr.Dataset]], observations: Path, validation: Periods) -> xr.Dataset:
    """The mean of several models with the weights of `lad.evaluation.ensemble`."""
    observed = read_observed(observations, None).during(validation, observations)
    first = next(iter(runs.values()))[0]
    at = positions(first.time.values, observed.time, observations)
    means = {
        name: {v: np.mean([run[v].values for run in of], axis=0) for v in TARGETS.values()}
        for name, of in runs.items()
    }
    judged = {
        name: Simulated(("",), {target: mean[v][None, at] for target, v in TARGETS.items()})
        for name, mean in means.items()
    }
    weights = stacking(judged, observed).weight
    whole = {
        v: sum(w * mean[v] for w, mean in zip(weights, means.values(), strict=False))
        for v in TARGETS.values()
    }
    return first.assign({v: ("time", values) for v, values in whole.items()})


def _baselines(args: argparse.Namespace, learning: Mapping[str, Any]) -> dict[str, list[xr.Dataset]]:
    """Runs of the baselines over the record."""
    data = baseline_data(args.forcing, args.observations, **learning)
    return {
        name: [
            flux_dataset(data.record, fluxes, name, "baselines")
            for fluxes in predict(name, data, args.seeds if name in SEEDED_BASELINES else 1)
        ]
        for name in args.baselines
    }
