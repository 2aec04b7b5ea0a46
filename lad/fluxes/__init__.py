"""Flux laws: sensible heat and evaporation as functions of state and forcing, behind one interface."""

from lad.fluxes._base import AbstractFluxes, Fluxes
from lad.fluxes._bulk import BulkFluxes
from lad.fluxes._mlp import MLPFluxes, Scaling

__all__ = ["AbstractFluxes", "BulkFluxes", "Fluxes", "MLPFluxes", "Scaling"]
