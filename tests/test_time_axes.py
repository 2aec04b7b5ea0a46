"""The time axes of netCDF files: whatever their labels, the same intervals, in every reader of them."""

import netCDF4
import numpy as np
import pytest
import xarray as xr
from archives import alma_pair
from evaluation_site import Site
from evaluation_site import lad as run_step

from lad.cf import intervals
from lad.errors import InputError
from lad.forcing import VARIABLES, read_record
from lad.io import read_netcdf
from lad.towers.readers import read_archive

HALF = np.timedelta64(30, "m")
START = np.datetime64("2010-01-01T00:00", "s") + np.arange(96) * HALF
BOUNDS = np.stack([START, START + HALF], axis=1)
SINCE = "seconds since 2010-01-01 00:00:00"


def axis_file(path, label, attrs=None, bounds=None, site=None, units=SINCE):
    """A netCDF file with nothing but a time axis, its labels counted from 2010-01-01 in whatever zone `units` name."""

    def seconds(times):
        return (times.astype("datetime64[s]") - START[0]).astype(float)

    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", len(label))
        time = file.createVariable("time", "f8", ("time",))
        time[:] = seconds(label)
        time.setncatts({"units": units} | (attrs or {}))
        if bounds is not None:
            file.createDimension("bound", bounds.shape[1])
            file.createVariable("edges", "f8", ("time", "bound"))[:] = seconds(bounds)
            time.bounds = "edges"
        file.setncatts(site or {})
    return path


def axis(path, *arguments, **options):
    return intervals(read_netcdf(axis_file(path, *arguments, **options)), path)


LABELLED = {
    "starts": (START, {}),
    "starts, said so": (START, {"info": "Time stamp indicates start time"}),
    "start of something else": (START, {"long_name": "seconds since the end of the campaign"}),
    "ends in words": (START + HALF, {"long_name": "time at the end of the interval"}),
    "ends, averaging": (START + HALF, {"comment": "End of averaging period"}),
    "ends by the method": (START + HALF, {"cell_methods": "time: mean (comment: label at the end)"}),
    "middles in words": (START + HALF / 2, {"description": "mid-point of interval"}),
    "middles by the raster": (START + HALF / 2, {}),
}


@pytest.mark.parametrize("case", LABELLED)
@pytest.mark.parametrize("gap", [False, True])
def test_labels_of_the_same_intervals_give_the_same_starts(tmp_path, case, gap):
    kept = np.delete(np.arange(96), [5, 6] if gap else [])
    label, attrs = LABELLED[case]
    start, step = axis(tmp_path / "a.nc", label[kept], attrs)
    assert (start == START[kept]).all() and step == 1800


@pytest.mark.parametrize("shift", [0, 0.2, 0.5, 1])
def test_bounds_decide_wherever_the_label_is(tmp_path, shift):
    label = START + np.timedelta64(round(1800 * shift), "s")
    start, step = axis(tmp_path / "a.nc", label, bounds=BOUNDS)
    assert (start == START).all() and step == 1800
    assert intervals(read_netcdf(axis_file(tmp_path / "b.nc", label[:1], bounds=BOUNDS[:1])), "")[1] == 1800


def stretched(row, factor):
    bounds = BOUNDS.copy()
    bounds[row, 1] += (factor - 1) * HALF
    return bounds


WRONG_BOUNDS = {
    "one is longer": (stretched(95, 2), "2010-01-02 23:30 is not 1800 s long like the first"),
    "they overlap": (np.stack([START, START + 2 * HALF], 1), "00:30 begins before the last one ends"),
    "they are short": (
        np.stack([START, START + HALF / 2], 1),
        "intervals of 900 s, but the times are 1800 s apart",
    ),
    "they are elsewhere": (BOUNDS + 8 * HALF, "does not hold its label"),
    "they run back": (BOUNDS[:, ::-1], "does not end after it begins"),
    "they are three": (
        np.stack([START] * 3, 1),
        "has shape (96, 3), expected two dates for each of 96 times",
    ),
}


@pytest.mark.parametrize("case", WRONG_BOUNDS)
def test_bounds_that_contradict(tmp_path, case):
    bounds, words = WRONG_BOUNDS[case]
    with pytest.raises(InputError) as error:
        axis(tmp_path / "a.nc", START, bounds=bounds)
    assert words in str(error.value) and "\n" not in str(error.value) and "edges" in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label": START[::-1]}, "time does not increase strictly"),
        (
            {"label": START, "attrs": {"long_name": "start or end of interval"}},
            "time labels start and end of",
        ),
        ({"label": START[:1], "attrs": {"long_name": "end of interval"}}, "interval of unknown length"),
        ({"label": START, "attrs": {"calendar": "360_day"}}, "expected units like"),
    ],
)
def test_labels_that_are_no_series(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        axis(tmp_path / "a.nc", **options)


ZONES = {
    "units +10:00": ({"units": f"{SINCE} +10:00"}, 10),
    "units -0600": ({"units": f"{SINCE} -0600"}, -6),
    "units UTC": ({"units": f"{SINCE} UTC"}, 0),
    "units Z": ({"units": "seconds since 2010-01-01T00:00:00Z"}, 0),
    "time_zone": ({"attrs": {"time_zone": "UTC"}}, 0),
    "utc_offset": ({"attrs": {"utc_offset": "+09:30"}}, 9.5),
    "name": ({"attrs": {"long_name": "time (UTC)"}}, 0),
    "of the file": ({"site": {"time_zone": "UTC"}}, 0),
}


@pytest.mark.parametrize("case", ZONES)
def test_labels_of_a_zone_are_moved_to_the_stated_offset_of_the_site_or_refused(tmp_path, case):
    options, zone = ZONES[case]
    with pytest.raises(InputError, match="expected local standard time"):
        axis(tmp_path / "a.nc", START, **options)
    stated = options.get("site", {}) | {"utc_offset_hours": 8.0}
    start, _ = axis(tmp_path / "b.nc", START, **options | {"site": stated})
    assert (start == START + np.timedelta64(round(60 * (8.0 - zone)), "m")).all()


@pytest.mark.parametrize(
    "options",
    [
        {"attrs": {"long_name": "interval start, local standard time (UTC-6)"}},
        {"attrs": {"time_zone": "Australia/Melbourne"}},
        {"site": {"utc_offset_hours": -6.0}},
    ],
)
def test_local_labels_stay(tmp_path, options):
    assert (axis(tmp_path / "a.nc", START, **options)[0] == START).all()


def test_zone_that_is_not_understood(tmp_path):
    with pytest.raises(InputError, match="expected no zone, UTC or one like"):
        axis(tmp_path / "a.nc", START, units=f"{SINCE} AEST")


def relabelled(path, place):
    """The file with labels at another place of the same intervals, stated by bounds, in words, or by the raster."""
    dataset = read_netcdf(path)
    start, step = intervals(dataset, path)
    length = np.timedelta64(step, "s")
    dataset = dataset.assign_coords(
        time=start + {"bounds": length, "end": length, "middle": length / 2}[place]
    )
    dataset["time"].encoding = {"units": "seconds since 2000-01-01", "dtype": "float64"}
    if place == "bounds":
        edges = np.stack([start, start + length], 1)
        dataset["my_bounds"] = (("time", "bound"), edges, {}, dataset["time"].encoding)
        dataset["time"].attrs["bounds"] = "my_bounds"
    elif place == "end":
        dataset["time"].attrs["long_name"] = "end of the interval"
    dataset.to_netcdf(path)


PLACES = ("bounds", "end", "middle")


@pytest.mark.parametrize("place", PLACES)
def test_towers(tmp_path, place):
    path = alma_pair(tmp_path, days=3)[0]
    whole = read_archive(path, "US-CRT")
    relabelled(path, place)
    again = read_archive(path, "US-CRT")
    assert again.step == whole.step and again.values.equals(whole.values) and again.flags.equals(whole.flags)


@pytest.mark.parametrize("place", PLACES)
def test_forcing(tmp_path, place):
    weather = {name: ("time", np.full(96, 0.5 * (low + high))) for name, (_, low, high) in VARIABLES.items()}
    path = tmp_path / "forcing.nc"
    xr.Dataset(weather | {"reference_height": 10.0}, {"time": START.astype("datetime64[ns]")}).to_netcdf(path)
    relabelled(path, place)
    record = read_record(path)
    assert (record.time == START).all() and record.dt == 1800.0


@pytest.mark.parametrize("place", PLACES)
def test_scores_do_not_depend_on_the_labels_of_a_simulation(tmp_path, place):
    site = Site(tmp_path)
    options = site.write()
    run_step("evaluate", *options, "--output", tmp_path / "scores.csv")
    before = (tmp_path / "scores.csv").read_bytes()
    for name in ("bulk", "mlp_0", "forcing"):
        relabelled(tmp_path / f"{name}.nc", place)
    run_step("evaluate", *options, "--output", tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_bytes() == before
