"""LaD's physical parameters as free numbers: bounds, transforms, starting points, and files of calibrated ones.

Each calibrated quantity lies between bounds around the value of its cover or soil type; the free number is
the logit of its place between them (on a logarithmic scale where the quantity spans decades), so a descent
cannot leave the bounds.
"""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from lad.constants import DAY, YEAR
from lad.errors import InputError
from lad.io import read_json
from lad.parameters import Parameters, from_json, read_parameters

IDENTIFIED = 0.5  # share of the range within its bounds to which a quantity must be confined


class Bound(eqx.Module):
    """Admitted range of a calibrated quantity."""

    name: str = eqx.field(static=True)
    unit: str = eqx.field(static=True)
    low: float
    high: float
    logarithmic: bool = eqx.field(static=True)


GROUND_WATER = (
    Bound("tau", "s", 10.0 * DAY, 730.0 * DAY, True),  # spin-ups of a few passes fill it
    Bound("rise_time", "s", 5.0 * DAY, 3650.0 * DAY, True),
    Bound("inflow", "kg m-2 s-1", 1.0 / YEAR, 3000.0 / YEAR, True),
)
"""Further quantities of a deep store that plants draw on: see `Space.with_ground_water`."""
SLOW = ("Wmax", *(b.name for b in GROUND_WATER))
"""Quantities whose effect outlasts a window: what the ground holds in spring, it evaporates in summer."""


class Space(eqx.Module):
    """The calibrated quantities of a site and the table record they start from; many sites can be stacked."""

    table: Parameters
    bounds: tuple[Bound, ...]

    def parameters(self, free: Float[Array, " k"]) -> Parameters:
        """Parameters for free numbers (k,), one for each bound."""
        values = dict(zip((b.name for b in self.bounds), self.values(free), strict=True))
        p, names = self.table, {field.name for field in dataclasses.fields(Parameters)}
        return dataclasses.replace(
            p,
            zh=values["z0"] * jnp.exp(-values["kB"]),
            alb0_warm=values["alb0"],
            alb0_cold=values["alb0"],
            C=p.C * values["C_factor"],
            lam=p.lam * values["lam_factor"],
            **{name: value for name, value in values.items() if name in names},
        )

    def values(self, free: Float[Array, " k"]) -> list[Float[Array, ""]]:
        """Calibrated quantities in their units, in the order of the bounds."""
        place = jax.nn.sigmoid(free)
        return [
            jnp.exp(jnp.log(b.low) + x * (jnp.log(b.high) - jnp.log(b.low)))
            if b.logarithmic
            else b.low + x * (b.high - b.low)
            for b, x in zip(self.bounds, place, strict=True)
        ]

    def quantities(self, p: Parameters) -> dict[str, float]:
        """Calibrated quantities of parameters `p` by name, in their units."""
        values = {
            "kB": np.log(p.z0 / p.zh),
            "alb0": p.alb0_warm,
            "C_factor": p.C[0] / self.table.C[0],
            "lam_factor": p.lam[0] / self.table.lam[0],
        }
        names = (b.name for b in self.bounds)
        return {name: float(values[name] if name in values else getattr(p, name)) for name in names}

    def free(self, p: Parameters, margin: float = 1e-6) -> np.ndarray:
        """Free numbers (k,) of parameters `p`, the inverse of `parameters`; kept `margin` of the way inside bounds."""
        values, place = self.quantities(p), []
        for b in self.bounds:
            scale = np.log if b.logarithmic else float
            x = (scale(values[b.name]) - scale(b.low)) / (scale(b.high) - scale(b.low))
            place.append(np.clip(x, margin, 1.0 - margin))
        place = np.array(place, dtype=float)
        return np.log(place / (1.0 - place))

    def with_ground_water(self, inflow: bool) -> "Space":
        """The same space with the quantities of `GROUND_WATER`, without or with `inflow`."""
        return Space(self.table, (*self.bounds, *(b for b in GROUND_WATER if inflow or b.name != "inflow")))

    def origin(self) -> np.ndarray:
        """Free numbers (k,) of the table's values, moved a little inside the bounds, where a descent can move."""
        return self.free(self.table, 0.02)

    def starts(self, count: int, seed: int) -> np.ndarray:
        """`count` starting points (count, k): the table's values, then random ones inside the bounds."""
        place = np.random.default_rng(seed).uniform(0.15, 0.85, size=(count, len(self.bounds)))
        free = np.log(place / (1.0 - place))
        free[0] = self.origin()
        return free

    def report(
        self,
        starts: Float[np.ndarray, "m k"],
        optima: Float[np.ndarray, "m k"],
        best: int,
        width: Float[np.ndarray, " k"],
    ) -> pd.DataFrame:
        """Table of bounds, table value, start and optimum of the `best` search, range of all optima, identifiability.

        `width` is that of the calibration: from `low_1pct` to `high_1pct` the loss is at most 1 % above
        the optimum's, and `identified` is whether that is less than half of the range within the bounds.
        """
        found = np.array([self.values(member) for member in optima])
        free = np.asarray(optima[best])
        ends = free + np.array([-1.0, 1.0])[:, None] * np.minimum(width, 50.0)
        low, high = (np.array(self.values(end)) for end in ends)
        place = np.asarray(jax.nn.sigmoid(ends))
        columns = {
            "parameter": [b.name for b in self.bounds],
            "unit": [b.unit for b in self.bounds],
            "lower": [b.low for b in self.bounds],
            "upper": [b.high for b in self.bounds],
            "table": np.array(self.values(self.origin())),
            "start": np.array(self.values(starts[best])),
            "optimum": found[best],
            "lowest_of_searches": found.min(axis=0),
            "highest_of_searches": found.max(axis=0),
            "low_1pct": low,
            "high_1pct": high,
            "identified": np.where(place[1] - place[0] < IDENTIFIED, "yes", "no"),
        }
        return pd.DataFrame(columns)


def calibration_space(table: Parameters, root_zone: float = 0.0) -> Space:
    """The quantities that affect LE and H; ground water does not, and keeps the table's residence time.

    The root zone holds at least `root_zone` (kg m-2), as far as the bounds allow.
    """
    z0 = float(table.z0)
    least, most = 15.0, 600.0
    return Space(
        table,
        (
            Bound("rs", "s m-1", 5.0, 2000.0, True),
            Bound("Wmax", "kg m-2", min(max(least, root_zone), 0.8 * most), most, True),
            Bound("z0", "m", 0.1 * z0, min(3.0 * z0, 0.5 * float(table.z_ref)), True),
            Bound("kB", "-", 0.5, 8.0, False),
            Bound("Wc", "kg m-2", 1.0, 200.0, True),
            Bound("alb0", "-", 0.05, 0.45, False),
            Bound("C_factor", "-", 0.4, 2.5, True),
            Bound("lam_factor", "-", 0.2, 5.0, True),
        ),
    )


def load_calibrated(path: str | Path, height: float) -> tuple[Parameters, Space]:
    """Parameters of a file of `lad calibrate`, for forcing at `height` (m), and the space that they were found in.

    In a file without the table's parameters, the parameters themselves take their place. Raises InputError for
    parameters outside the bounds of a calibration: training could not start from them.
    """
    parameters = read_parameters(path, height)
    table = read_json(path).get("provenance", {}).get("settings", {}).get("table")
    space = calibration_space(parameters if table is None else from_json(table, str(path)))
    quantities = space.quantities(parameters)
    for b in space.bounds:
        value = quantities[b.name]
        if not b.low * (1 - 1e-6) <= value <= b.high * (1 + 1e-6):
            raise InputError(
                f"{path}: {b.name} = {value:g} {b.unit}, expected {b.low:g} to {b.high:g}, as calibrated"
            )
    return parameters, space
