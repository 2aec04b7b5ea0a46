"""The neural flux law: a feed-forward network gives latent and sensible heat."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lad.constants import L_FUSION, L_VAPORISATION, R_DRY
from lad.fluxes._base import AbstractFluxes, Fluxes
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.physics.saturation import saturation_specific_humidity
from lad.physics.snow import presence
from lad.state import State

# Pressure is not an input: it hardly varies within a record, but shifts between sensors and years.
FORCING_INPUTS = ("SWdown", "LWdown", "Tair", "VPD", "Wind")
LAYERS = 5  # soil layers whose temperatures are inputs
SUPPLY = 1.0  # kg m-2, root-zone water below which evaporation fades out
DEW_TRANSFER = 0.01  # -, transfer coefficient of vapour that no condensation exceeds


def forcing_inputs(forcing: Forcing) -> list[Float[Array, "..."]]:
    """Inputs from the forcing alone, in SI units."""
    return [getattr(forcing, name) for name in FORCING_INPUTS]


def state_inputs(state: State, forcing: Forcing, parameters: Parameters) -> list[Float[Array, "..."]]:
    """Inputs from the state: surface-air temperature difference, deeper soil, fill of the root zone, snow.

    The root zone enters by its fill and by a logarithm that tells dry from very dry; snow by its presence
    and its masking of the surface.
    """
    fill = state.root / parameters.Wmax
    return [
        state.T[0] - forcing.Tair,
        *state.T[1:],
        fill,
        jnp.log(fill + 0.02),
        presence(state.snow),
        state.snow / (state.snow + parameters.Wc),
    ]


def input_count(states: bool) -> int:
    """Number of inputs of a law with or without the state."""
    return len(FORCING_INPUTS) + (LAYERS + 4 if states else 0)


class Scaling(eqx.Module):
    """Means and standard deviations of inputs and targets over the training half-hours; not trained."""

    input_mean: Float[Array, " inputs"]
    input_std: Float[Array, " inputs"]
    flux_mean: Float[Array, "2"]  # W m-2, (LE, H)
    flux_std: Float[Array, "2"]  # W m-2, (LE, H)


class MLPFluxes(AbstractFluxes):
    """(LE, H) from a multi-layer perceptron of forcing and, where `states` is true, of the model's state.

    Latent heat becomes evaporation through the latent heat of what evaporates, shared between snow and root
    zone by snow presence. Evaporation from the root zone fades out with the last millimetre of water. Dew and
    frost (E < 0) need air moister than saturation at the surface: a network free of this bound learns to
    condense water in dry nights, because that fills the root zone from which it evaporates by day.
    """

    layers: tuple[eqx.nn.Linear, ...]
    scaling: Scaling
    states: bool = eqx.field(static=True)

    def __init__(self, scaling: Scaling, *, states: bool, hidden: tuple[int, ...], key: PRNGKeyArray):
        """Random weights from `key`; `hidden` gives the widths of the hidden layers."""
        self.scaling = scaling
        self.states = states
        widths = (scaling.input_mean.shape[0], *hidden, 2)
        keys = jax.random.split(key, len(widths) - 1)
        self.layers = tuple(
            eqx.nn.Linear(i, o, dtype=float, key=k)
            for i, o, k in zip(widths[:-1], widths[1:], keys, strict=True)
        )

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; see the class."""
        inputs = forcing_inputs(forcing)
        if self.states:
            inputs += state_inputs(state, forcing, parameters)
        scaling = jax.lax.stop_gradient(self.scaling)
        x = (jnp.stack(inputs) - scaling.input_mean) / scaling.input_std
        for layer in self.layers[:-1]:
            x = jnp.tanh(layer(x))
        LE, H = scaling.flux_mean + scaling.flux_std * self.layers[-1](x)
        covered = presence(state.snow)
        E = LE / (L_VAPORISATION + covered * L_FUSION)
        up, down = jnp.maximum(E, 0.0), jnp.maximum(-E, 0.0)
        most = _most_dew(state, forcing, parameters)
        dew = down * most / (down + most + 1e-12)
        supply = -jnp.expm1(-state.root / SUPPLY)
        return Fluxes(H, covered * (up - dew), (1.0 - covered) * (up * supply - dew))


def _most_dew(state: State, forcing: Forcing, parameters: Parameters) -> Float[Array, "..."]:
    """Most vapour (kg m-2 s-1) that moist air can bring to a colder surface; 0 at a drying one."""
    U = jnp.sqrt(forcing.Wind**2 + parameters.gust**2)
    excess = forcing.Qair - saturation_specific_humidity(state.T[0], forcing.Psurf)
    return forcing.Psurf / (R_DRY * forcing.Tair) * DEW_TRANSFER * U * jnp.maximum(excess, 0.0)
