"""Write the JSON schema of the settings for editors, and their table in docs/configuration.md.

python -m lad.settings    in the project's folder
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticUndefined, to_jsonable_python

from lad.io import replacing
from lad.settings._section import Section, section_of
from lad.settings.study import Settings

SCHEMA, TABLE = Path("workflow/schemas/config.schema.yaml"), Path("docs/configuration.md")
BEGIN, END = "<!-- settings: python -m lad.settings -->\n", "<!-- end of settings -->\n"
NAMES = {
    "sites": "{site}",
    "studies": "{study}",
    "models": "{model}",
    "ensembles": "{ensemble}",
    "years": "{site}",
}


def table() -> str:
    """Markdown table of all keys; keys with the same meaning share a row."""
    rows: dict[str, dict[str, str]] = {}
    for key, default, meaning in _settings(Settings):
        rows.setdefault(meaning, {})[f"`{key}`"] = default
    lines = [
        f"| {', '.join(keys)} | {', '.join(filter(None, dict.fromkeys(keys.values())))} | {meaning} |"
        for meaning, keys in rows.items()
    ]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *lines, ""])


def _settings(section: type[Section], above: str = "") -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of each setting of a section and of the sections in it."""
    for name, field in section.model_fields.items():
        named = get_origin(field.annotation) is dict
        key = f"{above}{name}.{NAMES[name]}" if named else f"{above}{name}"
        meanings = [
            cls.model_fields[name].description
            for cls in section.__mro__
            if name in getattr(cls, "model_fields", ())
        ]
        meaning = next(filter(None, meanings), None)
        if meaning:
            choice = _words(field.annotation)
            if choice and not any(word in meaning for word in choice):
                meaning += f", any of {', '.join(f'`{word}`' for word in choice)}"
            yield key, _yaml(field.default), " ".join(meaning.split())
        inner = section_of(field.annotation)
        if inner and (named or not meaning):
            yield from _settings(inner, f"{key}.")


def _words(annotation: Any) -> list[str]:
    """The choices in the annotation of a field."""
    inner = get_args(annotation)
    return (
        list(inner)
        if get_origin(annotation) is Literal
        else [word for part in inner for word in _words(part)]
    )


def _yaml(default: Any) -> str:
    """A default as written in a file, empty if there is none."""
    if default is None or default is PydanticUndefined:
        return ""
    if isinstance(default, Section):
        default = default.model_dump(exclude_unset=True)
    return f"`{yaml.safe_dump(to_jsonable_python(default), default_flow_style=True, width=1000).splitlines()[0]}`"


def updated(text: str) -> str:
    """A page with the table between its marks renewed."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """No titles that repeat the keys."""
        return False


def schema() -> str:
    """JSON schema of the settings."""
    content = Settings.model_json_schema(schema_generator=_Untitled)
    return yaml.safe_dump(content, default_flow_style=None, sort_keys=False, allow_unicode=True, width=110)


if __name__ == "__main__":
    for path, text in ((SCHEMA, schema()), (TABLE, updated(TABLE.read_text(encoding="utf-8")))):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
