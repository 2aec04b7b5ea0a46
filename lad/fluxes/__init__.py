"""Flux laws: sensible heat and evaporation as functions of state and forcing, behind one interface."""

from lad.fluxes._base import AbstractFluxes, Fluxes, LearntFluxes
from lad.fluxes._bulk import BulkFluxes
from lad.fluxes._conductance import ConductanceFluxes
from lad.fluxes._mlp import MLPFluxes
from lad.fluxes._network import FORCING_INPUTS, LAYERS, STATES, Network, Scaling, network_inputs
from lad.fluxes._parameters import ParameterFluxes
from lad.fluxes._residual import ResidualFluxes

LEARNT_LAWS: dict[str, type[LearntFluxes]] = {
    "mlp": MLPFluxes,
    "conductance": ConductanceFluxes,
    "parameters": ParameterFluxes,
    "residual": ResidualFluxes,
}
"""Name of a law in the settings → its class."""

__all__ = [
    "FORCING_INPUTS",
    "LAYERS",
    "LEARNT_LAWS",
    "STATES",
    "AbstractFluxes",
    "BulkFluxes",
    "ConductanceFluxes",
    "Fluxes",
    "LearntFluxes",
    "MLPFluxes",
    "Network",
    "ParameterFluxes",
    "ResidualFluxes",
    "Scaling",
    "network_inputs",
]
