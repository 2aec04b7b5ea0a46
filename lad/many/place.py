"""What a network for many towers has to know of one of them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float

from lad.cf import intervals
from lad.errors import InputError
from lad.fluxes import FORCING_INPUTS
from lad.io import read_netcdf
from lad.learn.calibration import Space, calibration_space
from lad.learn.normalise import made_up
from lad.parameters import Parameters, table_parameters

ATTRIBUTES: dict[str, Callable[[Parameters, xr.Dataset], Any]] = {
    "rs": lambda p, _: np.log(p.rs),  # s m-1
    "z0": lambda p, _: np.log(p.z0),  # m
    "albedo": lambda p, _: p.alb0_warm,  # -
    "Wmax": lambda p, _: np.log(p.Wmax),  # kg m-2
    "C": lambda p, _: p.C[0],  # J m-3 K-1
    "lam": lambda p, _: p.lam[0],  # W m-1 K-1
    "sensors": lambda p, _: np.log(p.z_ref),  # m, height above the zero plane
    "canopy": lambda _, forcing: _site(forcing)["canopy_height"],  # m
    "LAI": lambda _, forcing: forcing["LAI"].mean(),  # m2 m-2, mean of the record
}
"""Name of an attribute → its value by the table's parameters and the forcing file. The IGBP class has gone into the
cover, whose are the first three."""


class Place(eqx.Module):
    """A tower as the model sees it before any of its fluxes: those of many can be stacked."""

    space: Space
    origin: Float[Array, " k"]  # free numbers of the table's values
    attributes: Float[Array, " attributes"]
    hidden: Bool[
        Array, " 5"
    ]  # inputs of `FORCING_INPUTS` that are made up here, at which the network does not look


def place(path: str | Path, height: float, attributes: Iterable[str]) -> Place:
    """The tower of a forcing file of sensors at `height` (m).

    Raises InputError, naming the file, if it does not tell cover, soil or one of `attributes`.
    """
    forcing = read_netcdf(path)
    table = a_priori(forcing.attrs, height, path)
    values = []
    for name in attributes:
        try:
            values.append(float(ATTRIBUTES[name](table, forcing)))
        except KeyError:
            raise InputError(f"{path}: does not tell {name}, an attribute that the network sees") from None
    space = calibration_space(table)
    absent = made_up(forcing, intervals(forcing, path)[0])
    return Place(
        space, space.origin(), np.array(values), np.array([name in absent for name in FORCING_INPUTS])
    )


def a_priori(attrs: dict[str, Any], height: float, source: str | Path) -> Parameters:
    """The table's parameters for the cover and soil that the attributes of a forcing file tell."""
    try:
        return table_parameters(int(attrs["lad_cover"]), int(attrs["lad_soil"]), height)
    except KeyError as error:
        raise InputError(
            f"{source}: no attribute {error}, expected LaD's type of cover and of soil"
        ) from None


def _site(forcing: xr.Dataset) -> dict[str, Any]:
    """The row of the site that the file was made with."""
    return json.loads(forcing.attrs["provenance"])["settings"]["site"]
