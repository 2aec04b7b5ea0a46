"""The state of a LaD column."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.forcing import Forcing
from lad.parameters import Parameters

ROUNDING = 1e-9  # relative, by which ice at the end of a run may exceed what the soil can hold


class State(eqx.Module):
    """Prognostic variables. `T` has one entry per soil layer, each of the same shape as the stores.

    Layers are kept apart rather than stacked, because the solvers work on single layers: whole columns of
    scalars fuse into one loop over sites or windows.
    """

    T: tuple[
        Float[Array, "..."], ...
    ]  # K, soil temperature from the top; T[0] is also the surface temperature
    snow: Float[Array, "..."]  # kg m-2, snow water equivalent (W_s)
    root: Float[Array, "..."]  # kg m-2, plant-available water of the root zone (W_r)
    groundwater: Float[Array, "..."]  # kg m-2 (W_g)
    ice: tuple[Float[Array, "..."], ...] = ()  # J m-3, heat that melts the ice; () where Fmax is None


def initial_state(content: Mapping[str, Any], source: str, parameters: Parameters) -> State:
    """State from the layout `{"T": [...], "Ws": , "Wr": , "Wg": }` or the same under the key `initial`.

    `F` (J m-3, optional) is soil ice, for `parameters` of a soil that freezes. Raises InputError, naming `source`,
    for a missing key, a negative store, an impossible temperature, and layers that do not fit `parameters`.
    """
    layers = parameters.dz.shape[0]
    try:
        content = content.get("initial", content)
        T = [float(t) for t in content["T"]]
        stores = [float(content[key]) for key in ("Ws", "Wr", "Wg")]
        ice = [float(heat) for heat in content.get("F", [0.0] * layers)]
    except KeyError as error:
        raise InputError(f"{source}: no {error} in the initial state, expected T, Ws, Wr, Wg") from None
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            f"{source}: initial state must hold numbers: T (and F) a list, Ws, Wr, Wg one each"
        ) from None
    if len(T) != layers:
        raise InputError(f"{source}: {len(T)} soil layers, expected {layers}, as many as dz has")
    most = np.zeros(layers) if parameters.Fmax is None else np.asarray(parameters.Fmax)
    if len(ice) != layers or not all(
        0.0 <= heat <= limit * (1.0 + ROUNDING) for heat, limit in zip(ice, most, strict=True)
    ):
        raise InputError(f"{source}: initial F = {ice} J m-3, expected 0 to Fmax = {most.tolist()}")
    if not all(150.0 < t < 400.0 for t in T):
        raise InputError(f"{source}: initial temperatures {T} K, expected 150 to 400 K")
    for key, value in zip(("Ws", "Wr", "Wg"), stores, strict=True):
        if not 0.0 <= value < 1e6:
            raise InputError(
                f"{source}: initial store {key} = {value} kg m-2, expected not negative and below 1e6"
            )
    snow, root, groundwater = (jnp.asarray(x) for x in stores)
    frozen = () if parameters.Fmax is None else tuple(jnp.asarray(heat) for heat in ice)
    return State(tuple(jnp.asarray(t) for t in T), snow, root, groundwater, frozen)


def plain_state(parameters: Parameters, forcing: Forcing) -> State:
    """Where a spin-up begins: soil at the mean of air temperature (n,), root zone half full, other stores empty."""
    T = jnp.mean(forcing.Tair)
    none = jnp.zeros_like(T)
    layers = parameters.dz.shape[0]
    ice = () if parameters.Fmax is None else (none,) * layers
    return State((T,) * layers, none, 0.5 * parameters.Wmax, none, ice)
