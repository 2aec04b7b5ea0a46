"""The settings of the study, checked before anything runs."""

import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lad.cli import STEPS
from lad.errors import InputError
from lad.evaluation.models import BASELINES
from lad.periods import NAMES, check_disjoint, parse_periods
from lad.towers.archives import sites_of

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
ALL = "all"  # instead of the sites of a study: those with an archive in the folder
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


class _Loader(yaml.SafeLoader):
    """YAML, in which a key that stands twice in a mapping is an error: PyYAML takes the last one silently."""

    def construct_mapping(self, node, deep=False):
        names = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in names:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key.value} stands twice", problem_mark=key.start_mark
                )
            names.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings(path: str | Path) -> dict[str, Any]:
    """Settings of a YAML or JSON file; raises InputError (file, line) for what is none."""
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder, expected a settings file")
    try:
        settings = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such settings file (targets stand before --configfile)") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text, expected a settings file in YAML") from None
    except yaml.MarkedYAMLError as error:
        what = ", ".join(filter(None, [error.context, error.problem]))
        raise InputError(f"{path} line {error.problem_mark.line + 1}: not valid YAML: {what}") from None
    except yaml.YAMLError as error:  # a character that no text has
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: expected settings, key: value, has {settings!r:.60}")
    return settings


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` with what of `known` is like `name`, whatever the case; empty if nothing is."""
    folded = {other.casefold(): other for other in known}
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f" (did you mean {folded[found[0]]}?)" if found else ""


def checked(
    config: Mapping[str, Any], schema: str | Path, sources: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The settings with dates as ISO text; raises InputError naming the key if they cannot make a study.

    Each tower with an archive in the folder `archives` is a site, without settings where `sites` has none, and a study
    that is `all` becomes the list of these towers.

    `schema` is the JSON schema that the settings must match, whole numbers without a decimal point; beyond it,
    a study must consist of configured sites, no study or model may have a name
    that the workflow uses itself, and the test of a site must have a week and overlap neither training nor validation.
    `sources` are the texts (YAML) that the settings were merged from, in this order, by the name of the file or
    option: the error begins with file and line of the last that has the key.
    """
    try:
        return _checked(config, schema)
    except _Refused as error:
        raise InputError(f"{_place(error.keys, sources or {})}{error}") from None


class _Refused(ValueError):
    """What is wrong with the setting at `keys`."""

    def __init__(self, keys: Iterable[str | int], message: str):
        self.keys = list(keys)
        super().__init__(f"{'.'.join(map(str, self.keys)) or 'top level'}: {message}")


def _checked(config: Mapping[str, Any], schema: str | Path) -> dict[str, Any]:
    config = json.loads(json.dumps(config, default=str))  # YAML reads 2018-01-01 as a date
    validator = _Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))
    for error in validator.iter_errors(config):
        raise _refusal(error)
    here = sites_of([config["archives"]])
    config["sites"] |= {site: {} for site in here if site not in config["sites"]}
    config["studies"] = {study: here if sites == ALL else sites for study, sites in config["studies"].items()}
    for site, settings in config["sites"].items():
        _check_site(site, settings)
    for study, sites in config["studies"].items():
        if study in RESERVED_STUDIES:
            raise _Refused(["studies", study], "is the name of a step or command, expected another name")
        absent = [site for site in sites if site not in config["sites"]]
        if absent:
            raise _Refused(["studies", study], f"expected a key sites.{absent[0]} with the site's periods")
    for experiment in ("solvers", "daemons", "landscape"):
        for site in config[experiment]["sites"]:
            if site not in config["sites"]:
                raise _Refused([experiment, "sites"], f"{site}: expected one of {', '.join(config['sites'])}")
    for study in config["many"]["studies"]:
        if len(config["studies"].get(study, ())) < 2:
            raise _Refused(["many", "studies"], f"{study}: expected one of studies, with two sites or more")
    for setting, only in (("radiation", "modelled"), ("integrator", "fast")):
        if config["many"]["studies"] and config["simulation"][setting] != only:
            told = f"one network for many towers knows {only} alone, expected many.studies: [] or {only}"
            raise _Refused(["simulation", setting], f"{config['simulation'][setting]}: {told}")
    for experiment, used in (("daemons", "sites"), ("many", "studies")):
        model = config[experiment]["model"]
        if config[experiment][used] and config["models"].get(model, {}).get("law", "bulk") == "bulk":
            raise _Refused([experiment, "model"], f"{model}: expected one of models, with a network")
    for model in config["models"]:
        if model in RESERVED_MODELS:
            raise _Refused(["models", model], "is what is compared with the models, expected another name")
    return config


def _refusal(error: jsonschema.ValidationError) -> _Refused:
    """What the schema refuses, in the words of the field."""
    keys, message = list(error.absolute_path), error.message
    if error.validator == "minItems":
        message = f"{error.instance}: expected at least {error.validator_value}, has {len(error.instance)}"
    elif error.validator == "additionalProperties" and error.validator_value is False:
        known = error.schema["properties"]
        keys.append(next(key for key in error.instance if key not in known))
        message = f"no such key{nearest(keys[-1], known)}, expected one of {', '.join(known)}"
    return _Refused(keys, message)


def _place(keys: Sequence[str | int], sources: Mapping[str, str]) -> str:
    """`file line 3: ` of the last source that has the setting, without a line for an option; empty if none has."""
    for name, text in reversed(sources.items()):
        node = found = yaml.compose(text, yaml.SafeLoader)
        for key in map(str, keys):
            found, node = _inside(node, key)
        if found is not None:
            return f"{name}: " if name.startswith("-") else f"{name} line {found.start_mark.line + 1}: "
    return ""


def _inside(node: yaml.Node | None, key: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Where `key`, or the item of that number, begins in a node, and its value."""
    if isinstance(node, yaml.MappingNode):
        pairs = [(name, value) for name, value in node.value if name.value == key]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(value, value) for number, value in enumerate(node.value) if str(number) == key]
    else:
        pairs = []
    return pairs[-1] if pairs else (None, None)


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
        raise _Refused(["sites", site], str(error)) from None
