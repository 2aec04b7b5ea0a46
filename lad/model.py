"""LaD as process rates: ``dy/dt = N r(y, t)`` with a constant matrix N.

Each process (radiation, turbulent fluxes, conduction, melt, …) has one rate, and each rate enters the
equations of the stores that it links with opposite signs. So energy and water are conserved for any flux
law, and by any solver that advances the state by ``dt N r_mean``.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

import lad
from lad.constants import L_FUSION, L_VAPORISATION, T_FREEZE
from lad.errors import InputError
from lad.fluxes import AbstractFluxes
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.physics import freezing, hydrology, radiation, snow, soil_heat
from lad.state import State


class Rates(NamedTuple):
    """Rates of all processes: heat fluxes in W m-2, water fluxes in kg m-2 s-1."""

    SWnet: Float[Array, "..."]  # absorbed shortwave, positive downward
    LWnet: Float[Array, "..."]  # net longwave, positive downward
    H: Float[Array, "..."]  # sensible heat, positive upward
    E_snow: Float[Array, "..."]  # sublimation, positive upward
    E_root: Float[Array, "..."]  # evaporation from the root zone, positive upward
    G: tuple[Float[Array, "..."], ...]  # conduction from layer k to k + 1
    rain: Float[Array, "..."]  # to the root zone
    snowfall: Float[Array, "..."]  # to the snow
    melt: Float[Array, "..."]  # snow to root zone
    calving: Float[Array, "..."]  # snow out of the column
    drainage: Float[Array, "..."]  # root zone to ground water
    discharge: Float[Array, "..."]  # ground water out of the column
    rise: Float[Array, "..."]  # ground water to root zone
    inflow: Float[Array, "..."]  # to ground water, from outside the column


def check_precision(*trees: Any) -> None:
    """Raise InputError where JAX makes numbers of single precision or `trees` hold some: budgets would not close."""
    if jnp.result_type(float) != jnp.float64:
        hidden = (
            "" if lad.__file__ else f"; the folder {lad.__path__[0]} hides the package lad, start elsewhere"
        )
        raise InputError(
            "JAX runs in single precision, expected double: import lad, which turns it on (jax_enable_x64), and "
            f"leave it on{hidden}"
        )
    if any(getattr(leaf, "dtype", None) == jnp.float32 for leaf in jax.tree.leaves(trees)):
        raise InputError("parameters, state or forcing are float32, expected float64")


class Model(eqx.Module):
    """A LaD column: parameters and a law for the turbulent fluxes.

    Raises InputError where JAX is in single precision, when it is made and when it runs.
    """

    parameters: Parameters
    fluxes: AbstractFluxes

    def __check_init__(self) -> None:
        check_precision()

    def prepare(self) -> "Model":
        """The same model, with what is computed once before a time loop."""
        return Model(self.parameters, self.fluxes.prepare(self.parameters))

    def rates(self, state: State, forcing: Forcing, melt: Float[Array, "..."] | None = None) -> Rates:
        """Rates at one instant. Stores a solver has left a little below zero count as empty.

        `melt` (kg m-2 s-1) replaces the melt of `state`, for a solver that finds it by itself.
        """
        check_precision()
        p = self.parameters
        state = dataclasses.replace(
            state, snow=jnp.maximum(state.snow, 0.0), root=jnp.maximum(state.root, 0.0)
        )
        T, none = state.T[0], jnp.zeros_like(state.groundwater)
        alpha = radiation.albedo(
            T,
            state.snow,
            alb0_warm=p.alb0_warm,
            alb0_cold=p.alb0_cold,
            albs_warm=p.albs_warm,
            albs_cold=p.albs_cold,
            Wc=p.Wc,
        )
        H, E_snow, E_root = self.fluxes(state, forcing, p)
        SWnet, LWnet = (1.0 - alpha) * forcing.SWdown, forcing.LWdown - radiation.emission(T)
        if forcing.Rnet is not None:  # measured as a whole: longwave is what shortwave does not account for
            known = jnp.isfinite(forcing.Rnet)
            LWnet = jnp.where(known, jnp.where(known, forcing.Rnet, 0.0) - SWnet, LWnet)
        return Rates(
            SWnet=SWnet,
            LWnet=LWnet,
            H=H,
            E_snow=E_snow,
            E_root=E_root,
            G=soil_heat.heat_flux(state.T, soil_heat.conductances(p.dz, p.lam)),
            rain=forcing.Rainf,
            snowfall=forcing.Snowf,
            melt=snow.melt(T, state.snow) if melt is None else melt,
            calving=snow.calving(state.snow, p.Wsmax),
            drainage=hydrology.drainage(state.root, p.Wmax),
            discharge=hydrology.discharge(state.groundwater, p.tau),
            rise=none
            if p.rise_time is None
            else hydrology.capillary_rise(state.groundwater, state.root, p.Wmax, p.rise_time),
            inflow=none if p.inflow is None else none + p.inflow,
        )


def latent_heat(rates: Rates) -> Float[Array, "..."]:
    """Latent heat flux (W m-2, positive upward): sublimation also takes the heat of fusion."""
    return L_VAPORISATION * (rates.E_snow + rates.E_root) + L_FUSION * rates.E_snow


def ground_heat(rates: Rates) -> Float[Array, "..."]:
    """Heat flux into the soil column (W m-2, positive downward), the rate of its heat storage S_R."""
    return rates.SWnet + rates.LWnet - rates.H - latent_heat(rates) - L_FUSION * rates.melt


def tendency(rates: Rates, parameters: Parameters) -> State:
    """``N r``: the time derivative of `heat_state` (K s-1, kg m-2 s-1), linear in the rates."""
    into = (ground_heat(rates), *rates.G)
    out_of = (*rates.G, 0.0)
    capacity = parameters.C * parameters.dz
    return State(
        T=tuple((into[k] - out_of[k]) / capacity[k] for k in range(len(into))),
        snow=rates.snowfall - rates.E_snow - rates.melt - rates.calving,
        root=rates.rain + rates.melt + rates.rise - rates.E_root - rates.drainage,
        groundwater=rates.drainage + rates.inflow - rates.rise - rates.discharge,
    )


def heat_state(state: State, parameters: Parameters) -> State:
    """The state in variables that rates change linearly: `T` the heat temperatures of `lad.physics.freezing`."""
    if parameters.Fmax is None:
        return state
    theta = map(freezing.heat_temperature, state.T, state.ice, parameters.C)
    return dataclasses.replace(state, T=tuple(theta), ice=())


def with_ice(state: State, parameters: Parameters) -> State:
    """The inverse of `heat_state`, for soil that freezes and thaws as its heat demands."""
    p = parameters
    if p.Fmax is None:
        return state
    points = freezing.plateaus(jnp.maximum(state.snow, 0.0), len(state.T))
    T = tuple(map(freezing.temperature, state.T, points, p.Fmax, p.C))
    ice = tuple(p.C[k] * (T[k] - theta) for k, theta in enumerate(state.T))
    return dataclasses.replace(state, T=T, ice=ice)


def advance(state: State, mean: Rates, dt: float, parameters: Parameters) -> State:
    """The state after `dt` seconds of `mean` rates."""
    slope = tendency(mean, parameters)
    moved = jax.tree.map(lambda y, f: y + dt * f, heat_state(state, parameters), slope)
    return with_ice(moved, parameters)


def heat_storage(state: State, parameters: Parameters) -> Float[Array, "..."]:
    """Heat of the soil S_R (J m-2): sensible, relative to the freezing point, less what would melt its ice."""
    capacity = parameters.C * parameters.dz
    sensible = sum(capacity[k] * (state.T[k] - T_FREEZE) for k in range(len(state.T)))
    return sensible - sum(parameters.dz[k] * ice for k, ice in enumerate(state.ice))


def energy_residual(start: State, end: State, rates: Rates, dt: float, parameters: Parameters):
    """Energy (J m-2) that an interval with mean `rates` has created: 0 except for round-off.

    ``d/dt [S_R - L_f W_s] = R_n - H - L_v E - L_f P_s + L_f calving``.
    """
    gain = (
        heat_storage(end, parameters) - heat_storage(start, parameters) - L_FUSION * (end.snow - start.snow)
    )
    flux = (
        rates.SWnet
        + rates.LWnet
        - rates.H
        - L_VAPORISATION * (rates.E_snow + rates.E_root)
        - L_FUSION * (rates.snowfall - rates.calving)
    )
    return gain - dt * flux


def water_residual(start: State, end: State, rates: Rates, dt: float):
    """Water (kg m-2) that an interval with mean `rates` has created: 0 except for round-off.

    ``d/dt [W_s + W_r + W_g] = P + inflow - E - Q - calving``.
    """
    gain = (end.snow - start.snow) + (end.root - start.root) + (end.groundwater - start.groundwater)
    gained = rates.rain + rates.snowfall + rates.inflow
    flux = gained - rates.E_snow - rates.E_root - rates.discharge - rates.calving
    return gain - dt * flux
