"""Flux laws: sensible heat and evaporation as functions of state and forcing, behind one interface."""

import importlib
import inspect
import os
import sys

from lad.errors import InputError
from lad.fluxes._base import AbstractFluxes, Fluxes, LearntFluxes, supply
from lad.fluxes._bulk import BulkFluxes, LeafFluxes
from lad.fluxes._conductance import ConductanceFluxes
from lad.fluxes._mlp import DowngradientMLPFluxes, MLPFluxes
from lad.fluxes._network import FORCING_INPUTS, LAYERS, STATES, Network, Scaling, network_inputs
from lad.fluxes._parameters import ParameterFluxes
from lad.fluxes._residual import ResidualFluxes

PHYSICAL_LAWS: dict[str, type[AbstractFluxes]] = {"bulk": BulkFluxes, "leaf": LeafFluxes}
LEARNT_LAWS: dict[str, type[LearntFluxes]] = {
    "mlp": MLPFluxes,
    "mlp_downgradient": DowngradientMLPFluxes,
    "conductance": ConductanceFluxes,
    "parameters": ParameterFluxes,
    "residual": ResidualFluxes,
}
"""Name of a law in the settings → its class; those without a network, and those with one."""


def law_class(name: str) -> type[AbstractFluxes]:
    """The class of a flux law by its name in the settings: built in, or ``module:Class``.

    The module is imported: installed, or from the current folder. Raises InputError if it cannot be
    imported or has no flux law of that name.
    """
    built_in = PHYSICAL_LAWS | LEARNT_LAWS
    if name in built_in:
        return built_in[name]
    module, _, of_module = name.partition(":")
    if not module or not of_module.isidentifier():
        raise InputError(f"law {name!r}: expected one of {', '.join(built_in)}, or module:Class")
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), of_module, None)
    except Exception as error:  # whatever a foreign module raises
        raise InputError(f"law {name!r}: cannot import {module}: {' '.join(str(error).split())}") from None
    if not (inspect.isclass(found) and issubclass(found, AbstractFluxes)) or inspect.isabstract(found):
        raise InputError(
            f"law {name!r}: expected a class {of_module} in {module}, a subclass of AbstractFluxes"
        )
    if issubclass(found, LearntFluxes) and not isinstance(getattr(found, "OUTPUTS", None), int):
        raise InputError(f"law {name!r}: expected {of_module}.OUTPUTS, the number of outputs of its network")
    return found


__all__ = [
    "FORCING_INPUTS",
    "LAYERS",
    "LEARNT_LAWS",
    "PHYSICAL_LAWS",
    "STATES",
    "AbstractFluxes",
    "BulkFluxes",
    "ConductanceFluxes",
    "DowngradientMLPFluxes",
    "Fluxes",
    "LeafFluxes",
    "LearntFluxes",
    "MLPFluxes",
    "Network",
    "ParameterFluxes",
    "ResidualFluxes",
    "Scaling",
    "law_class",
    "network_inputs",
    "supply",
]
