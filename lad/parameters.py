"""Parameters of a LaD column: tables of cover and soil types, one record per site."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.io import read_json

# Milly & Shmakin (2002). r_s s m-1; zeta e-folding root depth m; root biomass kg m-2; z0 m; kB = ln(z0/zh);
# W_c snow mass that half masks the surface kg m-2; snow-free albedo.
COVER = {
    1: ("broadleaf evergreen", 43.6, 0.26, 4.9, 2.65, 2.0, 60.0, 0.149),
    2: ("broadleaf deciduous", 131.0, 0.29, 4.2, 0.90, 2.0, 10.0, 0.130),
    3: ("mixed broadleaf/needleleaf", 87.1, 0.35, 4.3, 1.2, 2.0, 25.0, 0.132),
    4: ("needleleaf evergreen", 69.7, 0.17, 2.9, 0.90, 2.0, 40.0, 0.126),
    5: ("needleleaf deciduous", 218.0, 0.17, 2.9, 0.80, 2.0, 40.0, 0.143),
    6: ("grassland", 56.6, 0.26, 1.4, 0.07, 2.0, 5.0, 0.182),
    7: ("desert", 0.01, 0.35, 0.762, 0.01, 2.0, 5.0, 0.333),
    8: ("tundra", 170.0, 0.11, 1.2, 0.07, 2.0, 5.0, 0.139),
    9: ("agriculture", 56.6, 0.25, 0.15, 0.40, 2.0, 5.0, 0.160),
}
# Available water capacity kg m-3; heat capacity J m-3 K-1; thermal diffusivity m2 s-1.
SOIL = {
    1: ("coarse", 63.0, 1.8e6, 8.3e-7),
    2: ("medium", 132.0, 2.0e6, 4.0e-7),
    3: ("fine", 109.0, 2.6e6, 5.2e-7),
    4: ("coarse/medium", 98.0, 1.9e6, 6.2e-7),
    5: ("coarse/fine", 86.0, 2.2e6, 6.8e-7),
    6: ("medium/fine", 120.0, 2.3e6, 4.6e-7),
    7: ("coarse/medium/fine", 101.0, 2.1e6, 5.8e-7),
    8: ("peat/organic", 445.0, 3.0e6, 1.3e-7),
}
LAYERS = (0.005, 0.045, 0.10, 0.35, 1.0)  # m, thickness of the soil layers
ROOT_DENSITY = 0.125  # kg m-3, density of root biomass at the bottom of the root zone
ROOT_ZONE_MIN = 0.01  # m
DEEP_SNOW_ALBEDO = (0.65, 0.80)  # -, at freezing and 10 K below
RESIDENCE_TIME = 60.0 * 86400.0  # s, of ground water
SNOW_CAP = 1000.0  # kg m-2
GUST = 1.0  # m s-1


class Parameters(eqx.Module):
    """Everything about a column that is constant in time, in SI units."""

    rs: Float[Array, ""]  # s m-1, stomatal resistance without water stress
    Wmax: Float[Array, ""]  # kg m-2, capacity of the root zone
    z0: Float[Array, ""]  # m, roughness length for momentum
    zh: Float[Array, ""]  # m, roughness length for heat and moisture
    Wc: Float[Array, ""]  # kg m-2, snow mass that masks half of the surface
    alb0_warm: Float[Array, ""]  # -, snow-free albedo at freezing and above
    alb0_cold: Float[Array, ""]  # -, the same 10 K below freezing
    albs_warm: Float[Array, ""]  # -, albedo of deep snow at freezing
    albs_cold: Float[Array, ""]  # -, the same 10 K below freezing
    dz: Float[Array, " n"]  # m, thickness of the soil layers
    C: Float[Array, " n"]  # J m-3 K-1, heat capacity
    lam: Float[Array, " n"]  # W m-1 K-1, thermal conductivity
    tau: Float[Array, ""]  # s, residence time of ground water
    Wsmax: Float[Array, ""]  # kg m-2, snow cap
    z_ref: Float[Array, ""]  # m, height of the forcing above the zero plane
    gust: Float[Array, ""]  # m s-1, wind speed added in quadrature
    # Not in LaD, which has None for each:
    Fmax: Float[Array, " n"] | None = None  # J m-3, heat that melts all freezable water of the soil
    rise_time: Float[Array, ""] | None = None  # s, in which ground water rises to an empty root zone
    inflow: Float[Array, ""] | None = None  # kg m-2 s-1, water that no gauge records, to ground water


# Lowest and highest value, units as above, that a column of land can have.
BOUNDS = {
    "rs": (1e-6, 1e5),
    "Wmax": (0.01, 1e4),
    "z0": (1e-6, 20.0),
    "zh": (1e-9, 20.0),
    "Wc": (0.01, 1e4),
    "alb0_warm": (0.0, 1.0),
    "alb0_cold": (0.0, 1.0),
    "albs_warm": (0.0, 1.0),
    "albs_cold": (0.0, 1.0),
    "dz": (1e-4, 100.0),
    "C": (1e4, 1e8),
    "lam": (1e-3, 1e3),
    "tau": (60.0, 1e10),
    "Wsmax": (1.0, 1e6),
    "z_ref": (0.1, 1000.0),
    "gust": (1e-3, 10.0),
    "Fmax": (0.0, 1e9),
    "rise_time": (86400.0, 1e12),
    "inflow": (0.0, 1e-3),
}

SCALARS = ("rs", "Wmax", "z0", "zh", "Wc", "alb0_warm", "alb0_cold", "albs_warm", "albs_cold", "tau", "Wsmax")
PROFILES = ("dz", "C", "lam")
OPTIONAL = ("Fmax", "rise_time", "inflow")


def table_parameters(cover: int, soil: int, z_ref: float) -> Parameters:
    """Parameters of a cover and a soil type (numbers of the tables) for forcing at height `z_ref` (m).

    Root-zone depth is where root density, falling exponentially from the surface, reaches `ROOT_DENSITY`.
    Scalars are exchanged with ``zh = z0 exp(-kB)``. Raises InputError for an unknown type.
    """
    if cover not in COVER:
        raise InputError(f"cover type {cover!r}: expected one of {sorted(COVER)}")
    if soil not in SOIL:
        raise InputError(f"soil type {soil!r}: expected one of {sorted(SOIL)}")
    _, rs, zeta, biomass, z0, kB, Wc, alb0 = COVER[cover]
    _, capacity, C, diffusivity = SOIL[soil]
    depth = max(ROOT_ZONE_MIN, zeta * np.log(biomass / (zeta * ROOT_DENSITY)))
    layers = np.ones(len(LAYERS))
    return _checked(
        {
            "rs": rs,
            "Wmax": depth * capacity,
            "z0": z0,
            "zh": z0 * np.exp(-kB),
            "Wc": Wc,
            "alb0_warm": alb0,
            "alb0_cold": alb0,
            "albs_warm": DEEP_SNOW_ALBEDO[0],
            "albs_cold": DEEP_SNOW_ALBEDO[1],
            "dz": LAYERS,
            "C": C * layers,
            "lam": C * diffusivity * layers,
            "tau": RESIDENCE_TIME,
            "Wsmax": SNOW_CAP,
            "z_ref": z_ref,
            "gust": GUST,
        },
        f"cover {cover}, soil {soil}",
    )


def from_json(content: Mapping[str, Any], source: str) -> Parameters:
    """Parameters from the layout `{"params": {…}, "z_ref_m": …, "gust_m_s": …}`.

    `params` may hold those of `OPTIONAL`; an `Fmax` that is all zero counts as absent. Raises InputError, naming
    `source`, for missing keys and values outside `BOUNDS`.
    """
    try:
        params = content["params"]
        values = {key: params[key] for key in SCALARS + PROFILES}
        values |= {"z_ref": content["z_ref_m"], "gust": content["gust_m_s"]}
        values |= {key: params[key] for key in OPTIONAL if key in params}
    except KeyError as error:
        raise InputError(f"{source}: no {error}, expected params, z_ref_m and gust_m_s") from None
    except TypeError:
        raise InputError(f"{source}: expected an object with params, z_ref_m and gust_m_s") from None
    return _checked(values, source)


def read_parameters(path: str | Path, height: float) -> Parameters:
    """`from_json` of a file, for forcing at `height` (m).

    `height` replaces an absent `z_ref_m`, `GUST` an absent `gust_m_s`. Raises InputError where `z_ref_m` is
    present and differs from `height` by more than 1 %.
    """
    content = read_json(path)
    if isinstance(content, Mapping):
        content = {"z_ref_m": height, "gust_m_s": GUST} | dict(content)
    parameters = from_json(content, str(path))
    check_height(parameters, height, str(path))
    return parameters


def check_height(parameters: Parameters, height: float, source: str) -> None:
    """Raise InputError, naming `source`, unless `parameters` are for forcing at `height` (m), within 1 %."""
    if abs(parameters.z_ref - height) > 0.01 * height:
        raise InputError(
            f"{source}: z_ref_m = {parameters.z_ref:g} m, but the forcing's reference_height is {height:g} m"
        )


def to_json(parameters: Parameters) -> dict[str, Any]:
    """The inverse of `from_json`."""
    held = [key for key in (*SCALARS, *PROFILES, *OPTIONAL) if getattr(parameters, key) is not None]
    params = {key: np.asarray(getattr(parameters, key)).tolist() for key in held}
    return {
        "params": params,
        "z_ref_m": float(parameters.z_ref),
        "gust_m_s": float(parameters.gust),
    }


def _checked(values: Mapping[str, Any], source: str) -> Parameters:
    try:
        arrays = {key: np.asarray(value, dtype=float) for key, value in values.items()}
    except (TypeError, ValueError):
        raise InputError(f"{source}: parameters must be numbers") from None
    if "inflow" in arrays and "rise_time" not in arrays:
        raise InputError(f"{source}: inflow to ground water that never rises, expected rise_time too")
    layers = arrays["dz"].shape
    if len(layers) != 1 or layers[0] < 2:
        raise InputError(f"{source}: dz must list the thickness of two or more soil layers")
    for key, array in arrays.items():
        expected = layers if key in (*PROFILES, "Fmax") else ()
        if array.shape != expected:
            raise InputError(f"{source}: {key} has shape {array.shape}, expected {expected}")
        low, high = BOUNDS[key]
        if not np.all((array >= low) & (array <= high)):  # also not NaN
            raise InputError(f"{source}: {key} = {array.tolist()}, expected {low:g} to {high:g}")
    if not arrays["z_ref"] > max(arrays["z0"], arrays["zh"]):
        raise InputError(
            f"{source}: reference height {arrays['z_ref']:g} m must exceed the roughness lengths "
            f"z0 = {arrays['z0']:g} m and zh = {arrays['zh']:g} m"
        )
    if not np.any(arrays.get("Fmax")):
        arrays.pop("Fmax", None)
    return Parameters(**{key: jnp.asarray(array) for key, array in arrays.items()})
