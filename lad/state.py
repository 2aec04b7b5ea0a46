"""The state of a LaD column."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.forcing import Forcing
from lad.parameters import Parameters


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
    ice: tuple[Float[Array, "..."], ...] = ()  # J m-3, heat to melt the ice; only where soil may freeze


def initial_state(content: Mapping[str, Any], source: str) -> State:
    """State from the layout `{"T": [...], "Ws": , "Wr": , "Wg": }` or the same under the key `initial`.

    Raises InputError, naming `source`, for a missing key, a negative store or a temperature that is not one.
    """
    try:
        content = content.get("initial", content)
        T = [float(t) for t in content["T"]]
        stores = [float(content[key]) for key in ("Ws", "Wr", "Wg")]
    except KeyError as error:
        raise InputError(f"{source}: no {error} in the initial state, expected T, Ws, Wr, Wg") from None
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            f"{source}: initial state must hold numbers: T a list, Ws, Wr, Wg one each"
        ) from None
    if not all(150.0 < t < 400.0 for t in T):
        raise InputError(f"{source}: initial temperatures {T} K, expected 150 to 400 K")
    for key, value in zip(("Ws", "Wr", "Wg"), stores, strict=True):
        if not 0.0 <= value < 1e6:
            raise InputError(
                f"{source}: initial store {key} = {value} kg m-2, expected not negative and below 1e6"
            )
    snow, root, groundwater = (jnp.asarray(x) for x in stores)
    return State(tuple(jnp.asarray(t) for t in T), snow, root, groundwater)


def plain_state(parameters: Parameters, forcing: Forcing) -> State:
    """Where a spin-up begins: soil at the mean of air temperature (n,), root zone half full, other stores empty."""
    T = jnp.mean(forcing.Tair)
    none = jnp.zeros_like(T)
    return State((T,) * parameters.dz.shape[0], none, 0.5 * parameters.Wmax, none)
