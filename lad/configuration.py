"""The settings of the study, checked before anything runs."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lad.cli import STEPS
from lad.errors import InputError
from lad.periods import check_disjoint, parse_periods


def checked(config: Mapping[str, Any], schema: str | Path, known_sites: Collection[str]) -> dict[str, Any]:
    """The settings with dates as ISO text; raises InputError naming the key if they cannot make a study.

    `schema` is the JSON schema that the settings must match; beyond it, sites must be among `known_sites`, a
    study must consist of configured sites, and no test period may overlap training or validation.
    """
    config = json.loads(json.dumps(config, default=str))  # YAML reads 2018-01-01 as a date
    validator = jsonschema.Draft202012Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))
    for error in validator.iter_errors(config):
        raise InputError(f"{'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}")
    for site, settings in config["sites"].items():
        _check_site(site, settings, known_sites)
    for study, sites in config["studies"].items():
        if study in STEPS:
            raise InputError(f"studies.{study}: is the name of a step, expected another name")
        absent = [site for site in sites if site not in config["sites"]]
        if absent:
            raise InputError(f"studies.{study}: expected a key sites.{absent[0]} with the site's periods")
    return config


def _check_site(site: str, settings: Mapping[str, Any], known_sites: Collection[str]) -> None:
    if site not in known_sites:
        raise InputError(
            f"sites.{site}: unknown site, expected one of {', '.join(sorted(known_sites))}, "
            "or a row for it in the table that `sites_table` names"
        )
    try:
        train, validation, test = (
            parse_periods([":".join(days) for days in settings[name]])
            for name in ("train", "validation", "test")
        )
        check_disjoint(train=train, test=test)
        check_disjoint(validation=validation, test=test)
    except InputError as error:
        raise InputError(f"sites.{site}: {error}") from None
