"""The settings of the study, checked before anything runs."""

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lad.cli import STEPS
from lad.errors import InputError
from lad.evaluation.models import BASELINES
from lad.periods import NAMES, check_disjoint, parse_periods

# Names of rules that are no steps, and what `./run` takes for a command of its own.
RESERVED_STUDIES = {
    *STEPS,
    "simulate_bulk",
    "train_through",
    "train_many",
    "baselines_of_seeds",
    "setup",
    "test",
}
FEWEST_TEST_DAYS = 7  # a week, the block that intervals of scores draw; they need more of them
# What is simulated and scored beside the trained models.
RESERVED_MODELS = {*BASELINES, "bulk"}


def _is_whole(_, value: Any) -> bool:
    return type(value) is int  # the draft also takes 8.0, which no step does


def _is_number(_, value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # YAML knows .inf and .nan


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_number}
    ),
)


def checked(config: Mapping[str, Any], schema: str | Path) -> dict[str, Any]:
    """The settings with dates as ISO text; raises InputError naming the key if they cannot make a study.

    `schema` is the JSON schema that the settings must match, whole numbers without a decimal point; beyond it,
    a study must consist of configured sites, no study or model may have a name
    that the workflow uses itself, and the test of a site must have a week and overlap neither training nor validation.
    """
    config = json.loads(json.dumps(config, default=str))  # YAML reads 2018-01-01 as a date
    validator = _Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))
    for error in validator.iter_errors(config):
        raise InputError(f"{'.'.join(map(str, error.absolute_path)) or 'top level'}: {_message(error)}")
    for site, settings in config["sites"].items():
        _check_site(site, settings)
    for study, sites in config["studies"].items():
        if study in RESERVED_STUDIES:
            raise InputError(f"studies.{study}: is the name of a step or command, expected another name")
        absent = [site for site in sites if site not in config["sites"]]
        if absent:
            raise InputError(f"studies.{study}: expected a key sites.{absent[0]} with the site's periods")
    for experiment in ("solvers", "daemons", "landscape"):
        for site in config[experiment]["sites"]:
            if site not in config["sites"]:
                raise InputError(f"{experiment}.sites: {site}: expected one of {', '.join(config['sites'])}")
    for study in config["many"]["studies"]:
        if len(config["studies"].get(study, ())) < 2:
            raise InputError(f"many.studies: {study}: expected one of studies, with two sites or more")
    for experiment, used in (("daemons", "sites"), ("many", "studies")):
        model = config[experiment]["model"]
        if config[experiment][used] and config["models"].get(model, {}).get("law", "bulk") == "bulk":
            raise InputError(f"{experiment}.model: {model}: expected one of models, with a network")
    for model in config["models"]:
        if model in RESERVED_MODELS:
            raise InputError(f"models.{model}: is what is compared with the models, expected another name")
    return config


def _message(error: jsonschema.ValidationError) -> str:
    if error.validator == "minItems":
        return f"{error.instance}: expected at least {error.validator_value}, has {len(error.instance)}"
    return error.message


def _check_site(site: str, settings: Mapping[str, Any]) -> None:
    try:
        train, validation, test = (
            parse_periods([":".join(days) for days in settings.get(name, [])]) for name in NAMES
        )
        check_disjoint(train=train, test=test)
        check_disjoint(validation=validation, test=test)
        days = {first + timedelta(n) for first, last in test for n in range((last - first).days + 1)}
        if test and len(days) < FEWEST_TEST_DAYS:
            raise InputError(f"{len(days)} days of test, expected at least {FEWEST_TEST_DAYS}")
    except InputError as error:
        raise InputError(f"sites.{site}: {error}") from None
