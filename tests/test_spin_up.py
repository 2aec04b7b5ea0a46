"""Where the segments of a record begin."""

import itertools

import numpy as np

from lad.integrate import recurrences, spin_up

STEP = 1800.0


def axis(*spans):
    """Time axis (n,) of spans (first, rows) and their row ranges."""
    parts = [
        np.datetime64(first, "ns") + np.arange(rows) * np.timedelta64(1800, "s") for first, rows in spans
    ]
    edges = np.cumsum([0, *map(len, parts)])
    return np.concatenate(parts), [slice(a, b) for a, b in itertools.pairwise(edges)]


def ends_at(time, row):
    return str(time[row] + np.timedelta64(1800, "s"))[:16]


def test_a_segment_begins_as_other_years_passed_its_time_of_year():
    """Two segments: a year, and one that begins in July five years later and passes July once more."""
    time, segments = axis(("2010-01-01", 365 * 48), ("2015-07-01T12:00", 400 * 48))
    first, second = recurrences(time, segments, STEP)
    assert [ends_at(time, row) for row in first] == ["2011-01-01T00:00", "2016-01-01T00:00"]
    assert [ends_at(time, row) for row in second] == ["2010-07-01T12:00", "2016-07-01T12:00"]


def test_a_short_segment_repeats_itself():
    time, segments = axis(("2010-03-01", 20 * 48))
    assert recurrences(time, segments, STEP)[0].tolist() == [20 * 48 - 1]


def test_a_leap_day_finds_the_day_before():
    time, segments = axis(("2011-01-01", 365 * 48), ("2012-02-29", 10 * 48))
    assert ends_at(time, recurrences(time, segments, STEP)[1][0]) == "2011-02-28T00:00"


def test_starts_are_means_over_the_passages():
    """A store that gains 1 in each row of segment 0 and 10 in each of segment 1."""
    gains = (1.0, 10.0)

    def run(k, start):
        return {"store": start["store"] + gains[k] * np.arange(1, 5)}

    begin = [{"store": np.float64(0.0)}, {"store": np.float64(100.0)}]
    once = spin_up(run, begin, (np.array([3, 5]), np.array([0])), passes=1)
    assert [float(start["store"]) for start in once] == [(4.0 + 120.0) / 2, 1.0]
    assert spin_up(run, begin, (np.array([3, 5]), np.array([0])), passes=0) == tuple(begin)
