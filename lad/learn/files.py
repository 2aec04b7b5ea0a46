"""Trained models on disk: one line of JSON (law, parameters, origin), then the arrays of the law."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx

from lad.errors import InputError
from lad.fluxes import Scaling
from lad.io import replacing
from lad.learn.hybrid import check_law, random_law, seen_states
from lad.model import Model
from lad.parameters import from_json, to_json


def save_model(path: Path, model: Model, settings: Mapping[str, Any], origin: Mapping[str, Any]) -> None:
    """Write a model with the settings of its law and its record of origin (`lad.provenance`)."""
    header = {"settings": dict(settings), "parameters": to_json(model.parameters), "provenance": dict(origin)}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        eqx.tree_serialise_leaves(file, model.fluxes)


def load_model(path: str | Path) -> Model:
    """Model from a file of `save_model`; raises InputError if it is not one."""
    try:
        with open(path, "rb") as file:
            header = json.loads(file.readline())
            settings = header["settings"]
            check_law(settings, str(path))
            frame = random_law(settings, Scaling.empty(seen_states(settings)), 0)
            law = eqx.tree_deserialise_leaves(file, frame)
        return Model(from_json(header["parameters"], str(path)), law)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # whatever a foreign or truncated file provokes in the readers
        raise InputError(f"{path}: not a trained model of lad ({type(error).__name__})") from None
