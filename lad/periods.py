"""Training, validation and test periods: lists of whole days in local standard time."""

import argparse
import datetime as dt
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lad.constants import DAY
from lad.errors import InputError
from lad.io import read_json

NAMES = ("train", "validation", "test")
ENOUGH_MEASURED = 0.5  # share of the daytime intervals of a year with a usable flux
FEWEST_YEARS = 2  # one to train, one to test
TEST_SHARE = 0.25  # of the years
MOST_NAMED = 3  # periods named one by one
BLOCK = 21  # days of a validation block
SEASONS = 4
WHOLE = 0.95  # share of its intervals that a whole year needs, and of its days that a period needs


class Period(NamedTuple):
    """From the first to the last day, both included."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"


Periods = tuple[Period, ...]


def in_words(periods: Periods) -> str:
    """Periods for readers, joined, whole years by their numbers: `2011, 2013 to 2016, 2018-03-01 to 2018-05-31`."""
    joined: list[Period] = []
    for first, last in sorted(periods):
        if joined and first == joined[-1].last + dt.timedelta(days=1):
            first = joined.pop().first
        joined.append(Period(first, last))
    if len(joined) > MOST_NAMED:
        return f"{len(joined)} periods from {joined[0].first} to {joined[-1].last}"
    texts = []
    for first, last in joined:
        if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31):
            first, last = first.year, last.year
        texts.append(f"{first} to {last}" if first != last else str(first))
    return ", ".join(texts)


def parse_periods(texts: str | Sequence[str] | None) -> Periods:
    """`"2018-01-01:2019-12-31"`, or several of these, as periods; raises InputError on anything else."""
    periods = []
    for text in [texts] if isinstance(texts, str) else texts or []:
        try:
            first, last = (dt.date.fromisoformat(part) for part in text.split(":"))
        except ValueError:
            raise InputError(f"period {text!r}: expected FIRST:LAST, two dates like 2018-01-01") from None
        if last < first:
            raise InputError(f"period {text!r}: the last day is before the first")
        periods.append(Period(first, last))
    return tuple(periods)


def mask(time: np.ndarray, periods: Periods) -> np.ndarray:
    """Which of the interval starts `time` (n,) datetime64 lie inside any of the periods, bool (n,)."""
    inside = np.zeros(len(time), dtype=bool)
    for first, last in periods:
        end = np.datetime64(last) + np.timedelta64(1, "D")
        inside |= (time >= np.datetime64(first)) & (time < end)
    return inside


def days_with(time: np.ndarray) -> Periods:
    """The days of the times (n,) datetime64, as periods without gaps."""
    days = np.unique(time.astype("datetime64[D]"))
    runs = np.split(days, np.flatnonzero(np.diff(days) > np.timedelta64(1, "D")) + 1)
    return tuple(Period(run[0].item(), run[-1].item()) for run in runs if len(run))


def as_settings(site_id: str, periods: Mapping[str, Periods]) -> str:
    """The periods of a site as a line of the settings."""
    listed = (
        f"{name}: {json.dumps([[str(day) for day in period] for period in periods[name]])}" for name in NAMES
    )
    return f"sites: {{{site_id}: {{{', '.join(listed)}}}}}"


def check_unseen(train: Periods, validation: Periods, test: Periods, confirmation: Periods = ()) -> None:
    """Raise InputError if test periods overlap training or validation, or confirmation overlaps any of these."""
    known = {"train": train, "validation": validation}
    for unseen, days in (("test", test), ("confirmation", confirmation)):
        for name, periods in known.items():
            for a, b in itertools.product(periods, days):
                if a.first <= b.last and b.first <= a.last:
                    raise InputError(f"{name} period {a} overlaps {unseen} period {b}")
        known[unseen] = days


def add_period_arguments(parser: argparse.ArgumentParser, *names: str) -> None:
    """Options for the periods `names` of a step: each by itself, or all from a file of `lad periods`."""
    for name in names:
        parser.add_argument(f"--{name}", nargs="+", metavar="FIRST:LAST", help=f"days of the {name} periods")
    parser.add_argument("--periods", metavar="JSON", help="instead: a file of lad periods")


def periods_from(args: argparse.Namespace, *names: str) -> dict[str, Periods]:
    """The periods given by the options of `add_period_arguments`; raises InputError if any is wrong or missing."""
    if args.periods is None:
        absent = [name for name in names if getattr(args, name) is None]
        if absent:
            raise InputError(f"expected --{absent[0]}, or --periods with a file of lad periods")
        return {name: parse_periods(getattr(args, name)) for name in names}
    return read_periods(args.periods, *names)


def read_periods(path: str | Path, *names: str) -> dict[str, Periods]:
    """The periods `names`, or all three, of a file of `lad periods`; raises InputError for another file."""
    names = names or NAMES
    content = read_json(path)
    try:
        return {name: parse_periods([":".join(days) for days in content[name]]) for name in names}
    except (KeyError, TypeError):
        raise InputError(
            f"{path}: expected {', '.join(names)}, each a list of [first day, last day]"
        ) from None


def usable_years(time: np.ndarray, step: int, segment: np.ndarray, usable: np.ndarray) -> dict[Period, float]:
    """Whole years of a record of `step` s, with the share of usable rows among those that count.

    Years are counted from the start of each segment, moved to the nearest first day of a month; a year is whole if the
    record has at least 95 % of it. `usable` (n,): 1 or 0, NaN for rows that do not count (night).
    """
    years = {}
    for number in np.unique(segment):
        start = time[np.argmax(segment == number)].astype("datetime64[D]").astype(dt.date)
        first = (start + dt.timedelta(days=16)).replace(day=1)
        while first <= time[-1].astype("datetime64[D]").astype(dt.date):
            following = first.replace(year=first.year + 1)
            period = Period(first, following - dt.timedelta(days=1))
            inside = mask(time, (period,)) & (segment == number)
            if inside.sum() * step < WHOLE * DAY * (following - first).days:
                break
            counted = usable[inside & ~np.isnan(usable)]
            years[period] = float(counted.mean()) if len(counted) else 0.0
            first = following
    return years


def propose(years: Mapping[Period, float], source: str | Path) -> dict[str, Periods]:
    """Training, validation and test periods from the years of a record and their shares of measured flux.

    Years with less than half measured are left out. The last quarter, at least one year, is the test; the others hold
    validation blocks of three weeks, spread over the seasons. Raises InputError, naming the file `source`, for fewer
    than two years.
    """
    good = [period for period, share in sorted(years.items()) if share >= ENOUGH_MEASURED]
    if len(good) < FEWEST_YEARS:
        shares = ", ".join(f"{period} {100 * share:.0f} %" for period, share in sorted(years.items()))
        raise InputError(
            f"{source}: {len(good)} whole years with LE and H measured in at least "
            f"{100 * ENOUGH_MEASURED:.0f} % of the day ({shares or 'no whole year'}), expected two; give the site its "
            "periods"
        )
    tested = max(1, round(TEST_SHARE * len(good)))
    train, test = good[:-tested], good[-tested:]
    validation = []
    for number in range(max(SEASONS, len(train))):  # one year has all seasons, several take them in turn
        year, season = train[number % len(train)], number % SEASONS
        first = year.first + dt.timedelta(days=45 + 91 * season)
        validation.append(Period(first, first + dt.timedelta(days=BLOCK - 1)))
    return {"train": tuple(train), "validation": tuple(sorted(validation)), "test": tuple(test)}


def as_option(periods: Iterable[Sequence[str]]) -> str:
    """Periods of a first and a last day (ISO dates) as the options of `add_period_arguments` take them."""
    return " ".join(map(":".join, periods))


def trained_in(blocks: Sequence[Sequence[str]], first: int, last: int, judged: str) -> str:
    """Options with the years `first` to `last` for training, to which the `blocks` of validation are moved."""
    return f"--train {first}-01-01:{last}-12-31 --validation {as_option(_moved(blocks, first, last))} --test {judged}"


def _moved(blocks: Sequence[tuple[str, str]], first: int, last: int) -> list[tuple[str, str]]:
    """`blocks` moved to the years `first` to `last`: their n-th year to the n-th, starting over after the last.

    Days are ISO dates. A block ends with its year; 29 February becomes the 28th.
    """
    years = sorted({start[:4] for start, _ in blocks})
    found = []
    for start, end in blocks:
        year = first + years.index(start[:4]) % (last - first + 1)
        days = start[5:], end[5:] if end[:4] == start[:4] else "12-31"
        found.append(tuple(f"{year}-{day}".replace("02-29", "02-28") for day in days))
    return found
