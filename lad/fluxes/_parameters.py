"""LaD's law with learnt parameters."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp

from lad.fluxes._base import Fluxes, LearntFluxes
from lad.fluxes._bulk import BulkFluxes
from lad.fluxes._network import Network, factor
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.state import State

RESISTANCE, ROUGHNESS, RATIO = 100.0, 3.0, 4.0  # factors by which r_s, z_0 and ln(z_0/z_h) may change


class ParameterFluxes(LearntFluxes):
    """`BulkFluxes` whose r_s, z_0 and ln(z_0/z_h) change with forcing and state, around the values of the column."""

    network: Network
    OUTPUTS: ClassVar[int] = 3

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; see the class."""
        p, (resistance, roughness, ratio) = parameters, self.network(state, forcing, parameters)
        z0 = jnp.minimum(p.z0 * factor(roughness, ROUGHNESS), 0.9 * p.z_ref)
        kB = jnp.log(p.z0 / p.zh) * factor(ratio, RATIO)
        p = dataclasses.replace(p, rs=p.rs * factor(resistance, RESISTANCE), z0=z0, zh=z0 * jnp.exp(-kB))
        return BulkFluxes()(state, forcing, p)
