"""What a fit may see of a record, and which records nothing can be learnt from."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from learning_tower import DAYS, TRAIN, VALIDATION, of_another_site, rewrite, weather, write_tower

from lad.errors import InputError
from lad.fluxes import FORCING_INPUTS
from lad.forcing import Record, make_forcing
from lad.parameters import table_parameters
from lad.periods import parse_periods
from lad.settings import LawSettings
from lad.training.data import LearningData, learning_data, window_starts
from lad.training.hybrid import training_scaling
from lad.training.sites import Anchor, Site, gap_filled_inputs
from lad.training.space import calibration_space


@pytest.fixture
def tower(tmp_path):
    return write_tower(tmp_path)


def record(**attrs) -> Record:
    time = np.datetime64("2013-06-01") + np.arange(48 * DAYS) * np.timedelta64(30, "m")
    return Record(time, np.zeros(len(time), int), make_forcing(**weather()), 1800.0, 10.0, attrs)


def seen(tower, train=(TRAIN,), validation=(VALIDATION,), **attrs) -> LearningData:
    """What a fit sees of the synthetic month."""
    periods = parse_periods(list(train)), parse_periods(list(validation))
    return learning_data(record(**attrs), tower / "observations.nc", *periods)


def test_data_hold_no_test_half_hour_and_keep_validation_out_of_the_loss(tower):
    data = seen(tower)
    assert len(data.train) == 20 * 48  # nothing of 21 to 30 June
    judged = slice(7 * 48, 10 * 48)
    assert data.train[judged].sum() == 0
    assert (data.train * data.validation).sum() == 0
    assert data.validation[judged, 1].all() and data.validation.sum() == data.validation[judged].sum()
    night = np.arange(20 * 48) % 48 < 2
    assert data.train[night, 0].sum() == 0  # gap of LE …
    assert data.train[night, 1].sum() == 17 * 2  # … which H does not have


def test_no_flux_of_a_test_period_between_training_periods_is_in_memory(tower):
    data = seen(tower, ["2013-06-01:2013-06-12", "2013-06-16:2013-06-25"])
    between = slice(12 * 48, 15 * 48)
    assert data.observed.shape == (25 * 48, 2)  # the forcing of these days is run through
    assert not data.observed[between].any()
    assert not data.train[between].any() and not data.validation[between].any()
    noon = np.arange(25 * 48) % 48 == 24
    assert (data.observed[noon] != 0).all(axis=1).sum() == 22


def test_windows_stay_inside_segments_and_need_measurements(tower):
    rec = record()
    segment = (np.arange(len(rec.time)) >= 10 * 48).astype(int)
    split = Record(rec.time, segment, rec.forcing, rec.dt, 10.0, {})
    data = learning_data(
        split, tower / "observations.nc", parse_periods([TRAIN]), parse_periods([VALIDATION])
    )
    length = 3 * 48
    starts = window_starts(data, length, offset=20)
    inside = [any(s.start <= a and a + length <= s.stop for s in data.segments) for a in starts]
    assert all(inside)
    assert not any(7 * 48 <= a and a + length <= 10 * 48 for a in starts)  # a window of validation alone
    with pytest.raises(InputError, match="no window"):
        window_starts(data, 400 * 48, 0)
    # A segment of one and a half windows has one at any offset.
    one = dataclasses.replace(data, segments=(slice(0, 9 * 48),))
    found = [window_starts(one, 6 * 48, offset) for offset in range(6 * 48)]
    assert {len(starts) for starts in found} == {1}
    assert {int(starts[0]) for starts in found} == set(range(3 * 48 + 1))


def test_inputs_that_are_gap_filled_in_training_are_not_seen(tower):
    data, n = seen(tower), 30 * 48
    forcing = xr.Dataset(coords={"time": record().time})
    for name, days in (("LWdown", 12), ("Wind", 8), ("Qair", 12)):  # of 17 days of training
        flags = np.where(np.arange(n) < days * 48, 6, 0)
        forcing[f"{name}_qc"] = ("time", flags)
    hidden = gap_filled_inputs(forcing, np.isin(record().time, data.trained))
    assert hidden == ("LWdown", "VPD")
    table = table_parameters(6, 2, 10.0)
    space = calibration_space(table)
    blind = np.array([name in hidden for name in FORCING_INPUTS])
    site = Site("XX-Tst", Anchor(space, space.origin(), np.zeros(0), blind), data, None, table)
    law = LawSettings(law="mlp", states=False, hidden=[4])
    assert list(np.isinf(training_scaling([site], law).input_std)) == list(blind)


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        ([], [VALIDATION], "no training period"),
        ([TRAIN], [], "no validation period"),
        (
            [TRAIN, "2015-01-01:2015-12-31"],
            [VALIDATION],
            "observations.nc: no usable flux in the training period 2015-01-01:2015-12-31",
        ),
        ([TRAIN, VALIDATION], [VALIDATION], f"no usable flux in the training period {VALIDATION}"),
        (
            [TRAIN],
            [VALIDATION, "2013-07-01:2013-07-03"],
            "no usable flux in the validation period 2013-07-01:2013-07-03",
        ),
        ([TRAIN], ["2013-06-09:2013-06-09"], "46 usable values of Qle in the validation period"),
    ],
)
def test_period_without_measurements_is_refused(tower, train, validation, message):
    with pytest.raises(InputError, match=message):
        seen(tower, train, validation)


def constant(dataset):
    dataset["Qh"][: 20 * 48] = 0.1


def without_flags(dataset):
    del dataset["Qle_qc"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (constant, "Qh does not vary in training"),
        (of_another_site, "is of site YY-Oth, expected XX-Tst"),
        (without_flags, "has no variable Qle_qc"),
    ],
)
def test_observations_nothing_can_be_learnt_from_are_refused(tower, change, message):
    rewrite(tower / "observations.nc", change)
    with pytest.raises(InputError, match=f"observations.nc: {message}"):
        seen(tower, site_id="XX-Tst")
