"""Files of settings (YAML): read strictly, and searched for the line of a setting."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lad.errors import InputError
from lad.settings._section import nearest


class _Loader(yaml.SafeLoader):
    """YAML in which a duplicate key is an error: PyYAML silently takes the last one."""

    def construct_mapping(self, node, deep=False):
        names = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in names:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key.value} is there twice", problem_mark=key.start_mark
                )
            names.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings(path: str | Path) -> dict[str, Any]:
    """Settings of a YAML or JSON file; raises InputError (file, line) if it has none."""
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder, expected a settings file")
    try:
        settings = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such settings file (targets come before --configfile)") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text, expected a settings file in YAML") from None
    except yaml.MarkedYAMLError as error:
        what = ", ".join(filter(None, [error.context, error.problem]))
        raise InputError(f"{path} line {error.problem_mark.line + 1}: not valid YAML: {what}") from None
    except yaml.YAMLError as error:  # a character that YAML forbids
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: expected settings, key: value, has {settings!r:.60}")
    return settings


PATHS = (("archives",), ("sites_table",), ("fetch", "snapshot"), ("sites", "*", "lai"))
"""Settings that are paths; `*` is any key."""


def anchor(settings: dict[str, Any], own: Any, folder: Path, paths: Sequence[Sequence[str]] = PATHS) -> None:
    """Make paths in `settings` that a file in `folder` set (with `own` as its settings) begin in that folder."""
    for first, *rest in paths:
        for key in own if first == "*" else [first]:
            if rest and isinstance(own.get(key), dict) and isinstance(settings.get(key), dict):
                anchor(settings[key], own[key], folder, [rest])
            elif not rest and isinstance(own.get(key), str):
                settings[key] = str(folder / own[key])


def place(keys: Sequence[str | int], sources: Mapping[str, str]) -> str:
    """`file line 3: ` of the last source that has the setting, without a line for an option; empty if none has."""
    for name, text in reversed(sources.items()):
        node = found = yaml.compose(text, yaml.SafeLoader)
        for key in map(str, keys):
            found, node = _inside(node, key)
        if found is not None:
            return f"{name}: " if name.startswith("-") else f"{name} line {found.start_mark.line + 1}: "
    return ""


def check_left_out(config: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Raise InputError if `null` leaves out a model, an ensemble or a site of years that no other source has."""
    written = [yaml.safe_load(text) or {} for text in sources.values()]
    for part in ("models", "ensembles", "years"):
        own = config.get(part) or {}
        for name in [name for name, value in own.items() if value is None]:
            if sum(name in (settings.get(part) or {}) for settings in written) == 1:
                others = nearest(name, [other for other in own if other != name])
                raise InputError(
                    f"{place([part, name], sources)}{part}.{name}: null, expected one of {part} of another file{others}"
                )


def _inside(node: yaml.Node | None, key: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Where `key`, or the item of that number, begins in a node, and its value."""
    if isinstance(node, yaml.MappingNode):
        pairs = [(name, value) for name, value in node.value if name.value == key]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(value, value) for number, value in enumerate(node.value) if str(number) == key]
    else:
        pairs = []
    return pairs[-1] if pairs else (None, None)
