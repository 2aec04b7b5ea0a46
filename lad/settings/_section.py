"""What all settings share: a base class, types of values, and error messages."""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError

from lad.errors import InputError

T = TypeVar("T")


def _distinct(values: tuple) -> tuple:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value} is there twice")
    return values


Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
List = Annotated[tuple[T, ...], Strict(False)]  # Python lists too
Some = Annotated[List[T], Field(min_length=1)]
DISTINCT = (AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True}))
Choice = Annotated[List[T], *DISTINCT]


def text(pattern: str, expected: str) -> Any:
    """A type of text that matches a `pattern` from end to end; `expected` describes it in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r}: expected {expected}")
        return value

    return Annotated[str, AfterValidator(check), Field(json_schema_extra={"pattern": f"^({pattern})$"})]


def shape(value: Any) -> str:
    """Branch of a value, for a setting that is either a `list` or a `word`."""
    return "list" if isinstance(value, list | tuple) else "word"


class Refused(ValueError):
    """What is wrong with the setting at `keys` below the section that is checked."""

    def __init__(self, keys: list[str], message: str):
        self.keys = keys
        super().__init__(message)


class Section(BaseModel):
    """A part of the settings. Unknown keys, whole numbers with a decimal point, and NaN are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def parse(cls, values: str | Mapping[str, Any], source: str) -> Self:
        """From the JSON text of an option, or from the values of a file; absent keys have their defaults.

        Raises InputError in one line that begins with `source`, the name of the option or file.
        """
        try:
            values = json.loads(values) if isinstance(values, str) else values
        except json.JSONDecodeError as error:
            raise InputError(f"{source}: not valid JSON ({error})") from None
        return cls.parse_plain(values, lambda _: f"{source}: ")

    @classmethod
    def parse_plain(cls, values: Any, origin: Callable[[list[str | int]], str]) -> Self:
        """From plain values; raises InputError that begins with the `origin` of the refused keys."""
        text = json.dumps(values, default=str)  # YAML reads 2018-01-01 as a date
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            keys, message = _refusal(cls, error, json.loads(text))
        raise InputError(f"{origin(keys)}{'.'.join(map(str, keys)) or 'top level'}: {message}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the optional keys that are not set."""
        return self.model_dump(mode="json", exclude_none=True)


def _refusal(model: type[Section], error: ValidationError, values: Any) -> tuple[list[str | int], str]:
    """The refused keys in the `values` of a `model`, and why; misspelt keys before missing ones."""
    found = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    keys, value = [], values
    for key in found["loc"]:  # also has branches of unions
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            continue
        keys.append(key)
    if found["type"] == "extra_forbidden":
        known = _section(model, keys[:-1]).model_fields
        return keys, f"no such key{nearest(keys[-1], known)}, expected one of {', '.join(known)}"
    if found["type"] == "missing":
        return keys, f"expected a key {found['loc'][-1]}"
    if found["type"] == "value_error":
        refused = found["ctx"]["error"]
        return keys + getattr(refused, "keys", []), str(refused)
    expected = re.sub(r"^\w+ should (be|have|match) ", "expected ", found["msg"])
    return keys, f"{value!r:.80}: {expected.replace(' after validation', '')}"


def _section(model: type[Section], keys: list[str | int]) -> type[Section]:
    """The section below `model` that `keys` lead to."""
    rest = iter(keys)
    for key in rest:
        if isinstance(key, int):  # an item of a list
            continue
        annotation = model.model_fields[key].annotation
        if get_origin(annotation) is dict:
            next(rest)  # a name
        model = section_of(annotation)
    return model


def section_of(annotation: Any) -> type[Section] | None:
    """The section in the annotation of a field, alone, optional or in a dict."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next(filter(None, map(section_of, get_args(annotation))), None)


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` with the name in `known` most like `name`, whatever the case; empty if none is."""
    folded = {other.casefold(): other for other in known}
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f" (did you mean {folded[found[0]]}?)" if found else ""
