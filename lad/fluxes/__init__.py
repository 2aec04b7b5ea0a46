"""Flux laws: sensible heat and evaporation as functions of state and forcing, behind one interface."""

from lad.fluxes._base import AbstractFluxes, Fluxes
from lad.fluxes._bulk import BulkFluxes
from lad.fluxes._mlp import LAYERS, MLPFluxes, Scaling, forcing_inputs, input_count, state_inputs

__all__ = [
    "LAYERS",
    "AbstractFluxes",
    "BulkFluxes",
    "Fluxes",
    "MLPFluxes",
    "Scaling",
    "forcing_inputs",
    "input_count",
    "state_inputs",
]
