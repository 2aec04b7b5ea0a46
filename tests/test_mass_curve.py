"""Mass curve of the root zone: what it counts, and what it must not see."""

import numpy as np
import pandas as pd
import pytest

from lad.constants import L_VAPORISATION
from lad.errors import InputError
from lad.mass_curve import mass_curve, return_level
from lad.periods import parse_periods

TRAIN, VALIDATION = parse_periods(["2001-01-01:2004-12-31"]), parse_periods(["2002-07-01:2002-07-21"])
HALF_HOURS = pd.date_range("2001-01-01", "2005-12-31 23:30", freq="30min")
TIME = HALF_HOURS.to_numpy()
WET = HALF_HOURS.month.isin([11, 12, 1, 2, 3, 4])


def curve(latent_heat=None, dry_spell=2.0):
    """Of a place with 4 mm a day of winter rain, where 2 mm a day evaporate all year, and `dry_spell` in summer."""
    evaporation = np.where(WET, 2.0, dry_spell)  # kg m-2 a day
    latent_heat = evaporation * L_VAPORISATION / 86400.0 if latent_heat is None else latent_heat
    return mass_curve(TIME, np.where(WET, 4.0, 0.0) / 86400.0, latent_heat, TRAIN, VALIDATION)


def test_deficit_is_what_evaporates_in_the_dry_season():
    found = curve()
    dry = 184  # days from May to October
    assert found.deficit.max() == pytest.approx(2.0 * dry)
    assert found.largest.index.tolist() == [2001, 2002, 2003]  # from May on; that of 2004 has eight months
    np.testing.assert_allclose(found.largest, 2.0 * dry)
    assert found.capacity == pytest.approx(2.0 * dry)
    assert curve(dry_spell=3.0).capacity == pytest.approx(3.0 * dry)
    assert (found.deficit >= 0.0).all() and len(found.deficit) == 4 * 365 + 1


def test_neither_validation_nor_test_counts():
    usual = curve()
    hidden = (TIME >= np.datetime64("2005-01-01")) | (
        (TIME >= np.datetime64("2002-07-01")) & (TIME < np.datetime64("2002-07-22"))
    )
    flux = np.full(len(TIME), 2.0 * L_VAPORISATION / 86400.0)
    seen = flux.copy()
    seen[~hidden] *= 1.1
    flux[hidden] = 500.0
    pd.testing.assert_series_equal(curve(flux).deficit, usual.deficit)
    assert curve(seen).capacity > usual.capacity + 10.0


def test_return_level_is_of_a_gumbel_distribution():
    rng = np.random.default_rng(0)
    largest = 200.0 - 30.0 * np.log(-np.log(rng.uniform(size=100_000)))
    assert return_level(largest) == pytest.approx(200.0 - 30.0 * np.log(-np.log(0.95)), rel=0.01)
    assert return_level(np.array([80.0])) == 80.0


def test_days_without_evaporation_are_interpolated():
    """A July without LE, and a summer of which six weeks are not of training, change nothing."""
    gap = (HALF_HOURS.year == 2003) & (HALF_HOURS.month == 7)
    flux = np.full(len(TIME), 2.0 * L_VAPORISATION / 86400.0)
    assert curve(np.where(gap, np.nan, flux)).capacity == pytest.approx(368.0)
    parts = parse_periods(["2001-01-01:2002-06-30", "2002-08-15:2004-12-31"])
    rain = np.where(WET, 4.0, 0.0) / 86400.0
    found = mass_curve(TIME, rain, flux, parts, VALIDATION)
    assert found.largest.tolist() == pytest.approx([368.0] * 3)
    with pytest.raises(InputError, match="no day of training with 80% of LE"):
        _ = curve(np.full(len(TIME), np.nan)).capacity
