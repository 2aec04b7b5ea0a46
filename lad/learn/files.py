"""Trained flux laws on disk: one line of JSON (law, sizes, origin), then the arrays."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from lad.errors import InputError
from lad.fluxes import AbstractFluxes, MLPFluxes, Scaling, input_count
from lad.io import replacing


def random_law(settings: Mapping[str, Any], scaling: Scaling, seed: int) -> AbstractFluxes:
    """Untrained law of the given settings (`law`, `states`, `hidden`), with the weights of `seed`."""
    return MLPFluxes(
        scaling,
        states=settings["states"],
        hidden=tuple(settings["hidden"]),
        key=jax.random.key(seed),
    )


def check_law(settings: Mapping[str, Any], source: str) -> None:
    """Raise InputError, naming `source`, unless `settings` describe a law that can be trained."""
    if set(settings) != {"law", "states", "hidden"} or settings["law"] != "mlp":
        raise InputError(f"{source}: model settings {dict(settings)}, expected law mlp, states and hidden")
    hidden = settings["hidden"]
    if not isinstance(settings["states"], bool):
        raise InputError(f"{source}: states = {settings['states']!r}, expected true or false")
    if not (isinstance(hidden, list) and hidden and all(isinstance(w, int) and w > 0 for w in hidden)):
        raise InputError(f"{source}: hidden = {hidden!r}, expected a list of layer widths like [32, 32]")


def save_law(path: Path, law: AbstractFluxes, settings: Mapping[str, Any], origin: Mapping[str, Any]) -> None:
    """Write a law with its settings and its record of origin (`lad.provenance`)."""
    header = {"settings": dict(settings), "provenance": dict(origin)}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        eqx.tree_serialise_leaves(file, law)


def load_fluxes(path: str | Path) -> AbstractFluxes:
    """Flux law from a file of `save_law`; raises InputError if it is not one."""
    try:
        with open(path, "rb") as file:
            settings = json.loads(file.readline())["settings"]
            check_law(settings, str(path))
            size = input_count(settings["states"])
            empty = Scaling(jnp.zeros(size), jnp.ones(size), jnp.zeros(2), jnp.ones(2))
            return eqx.tree_deserialise_leaves(file, random_law(settings, empty, 0))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # whatever a foreign or truncated file provokes in the readers
        raise InputError(f"{path}: not a trained model of lad ({type(error).__name__})") from None
