"""What a fit leaves on disk: calibrated parameters, and trained models.

A trained model is one line of JSON (law, parameters, origin), then the arrays of the law.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import equinox as eqx

from lad.errors import InputError
from lad.fluxes import Scaling
from lad.io import read_json, replacing
from lad.learn.calibration import Space, calibration_space
from lad.learn.hybrid import check_law, random_law, seen_states
from lad.model import Model
from lad.parameters import Parameters, from_json, parameters_at, to_json


def load_calibrated(path: str, height: float) -> tuple[Parameters, Space]:
    """Parameters of a file of `lad calibrate`, for forcing at `height` (m), and the space that they were found in.

    A file that does not tell the table's parameters, from which a calibration starts, stands for them itself. Raises
    InputError for parameters that no calibration gives: training could not start from them.
    """
    content = read_json(path)
    parameters = parameters_at(height, content, path)
    table = content.get("provenance", {}).get("settings", {}).get("table")
    space = calibration_space(parameters if table is None else from_json(table, path))
    quantities = space.quantities(parameters)
    for b in space.bounds:
        value = quantities[b.name]
        if not b.low * (1 - 1e-6) <= value <= b.high * (1 + 1e-6):
            raise InputError(
                f"{path}: {b.name} = {value:g} {b.unit}, expected {b.low:g} to {b.high:g}, as calibrated"
            )
    return parameters, space


def save_model(path: Path, model: Model, settings: Mapping[str, Any], origin: Mapping[str, Any]) -> None:
    """Write a model with the settings of its law and its record of origin (`lad.provenance`)."""
    header = {"settings": dict(settings), "parameters": to_json(model.parameters), "provenance": dict(origin)}
    write_arrays(path, header, model.fluxes)


def load_model(path: str | Path) -> Model:
    """Model from a file of `save_model`; raises InputError if it is not one."""
    with reading(path, "a trained model of lad") as (header, file):
        settings = header["settings"]
        if "parameters" not in header:
            raise InputError(f"{path}: is a network for many towers, lad place puts it at one of them")
        attributes = settings.get("attributes", ())
        check_law({name: x for name, x in settings.items() if name != "attributes"}, str(path))
        frame = random_law(settings, Scaling.empty(seen_states(settings), attributes), 0)
        law = eqx.tree_deserialise_leaves(file, frame)
        return Model(from_json(header["parameters"], str(path)), law)


def training_record(path: str | Path) -> dict[str, Any]:
    """Settings of the training of a model, as its file records them, empty if it does not; InputError if it is none."""
    with reading(path, "a trained model of lad") as (header, _):
        return header.get("provenance", {}).get("settings", {})


def write_arrays(path: str | Path, header: Mapping[str, Any], arrays: Any) -> None:
    """Write a line of JSON, then the leaves of a tree of arrays."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        eqx.tree_serialise_leaves(file, arrays)


@contextmanager
def reading(path: str | Path, what: str) -> Iterator[tuple[dict[str, Any], BinaryIO]]:
    """Header of a file of `write_arrays`, and the file before its arrays.

    Raises InputError if there is none, or if reading shows that it is not `what`.
    """
    try:
        with open(path, "rb") as file:
            yield json.loads(file.readline()), file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # whatever a foreign or truncated file provokes in the readers
        raise InputError(f"{path}: not {what} ({type(error).__name__})") from None
