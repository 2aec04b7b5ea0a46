"""Training, validation and test periods: lists of whole days in local standard time."""

import datetime as dt
from typing import NamedTuple

import numpy as np

from lad.errors import InputError


class Period(NamedTuple):
    """From the first to the last day, both included."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"


Periods = tuple[Period, ...]


def parse_periods(texts: list[str] | None) -> Periods:
    """`["2018-01-01:2019-12-31", …]` as periods; raises InputError on anything else."""
    periods = []
    for text in texts or []:
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


def check_disjoint(**groups: Periods) -> None:
    """Raise InputError if a period of one named group overlaps a period of another."""
    names = list(groups)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            for a in groups[one]:
                for b in groups[other]:
                    if a.first <= b.last and b.first <= a.last:
                        raise InputError(f"{one} period {a} overlaps {other} period {b}")
