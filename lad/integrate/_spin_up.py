"""Where free runs begin: in the model's own climate, not in the dry or wet spell of one year.

A store of water remembers years. A column that repeats the first year of each part of a record begins a dry year as
if all years before had been as dry, and then cannot evaporate more than the rain of that year. So the whole record
is run several times, and each of its parts begins with the mean of the states of the last run at the same time of
year.
"""

import datetime as dt
from collections.abc import Callable, Sequence

import jax
import numpy as np

from lad.forcing import rows
from lad.state import State

TOLERANCE = np.timedelta64(1, "D")  # between a start and a passage of its time of year


def recurrences(time: np.ndarray, segments: Sequence[slice], step: float) -> tuple[np.ndarray, ...]:
    """For each segment the rows at whose end a run passes the time of year at which that segment starts.

    `time` (n,) datetime64 are the starts of intervals of `step` s. Where no year has another passage,
    the end of the segment itself is taken.
    """
    ends = time + np.timedelta64(round(step), "s")
    found = []
    for segment in segments:
        start = time[segment.start].astype("datetime64[s]").astype(dt.datetime)
        passages = []
        for year in range(int(str(time[0])[:4]), int(str(ends[-1])[:4]) + 1):
            day = min(start.day, 28) if start.month == 2 else start.day
            wanted = np.datetime64(start.replace(year=year, day=day))
            row = int(np.argmin(np.abs(ends - wanted)))
            if year != start.year and np.abs(ends[row] - wanted) < TOLERANCE:
                passages.append(row)
        found.append(np.array(passages or [segment.stop - 1]))
    return tuple(found)


def recurring_states(states: State, recurrences: Sequence[np.ndarray]) -> tuple[State, ...]:
    """Mean of `states` (n,), those at the end of each row, over the recurrences of each segment.

    The mean of temperature and of ice has the mean heat, from which the solvers recompute both.
    """
    return tuple(jax.tree.map(lambda x: x.mean(axis=0), rows(states, index)) for index in recurrences)


def spin_up(
    run: Callable[[int, State], State],
    starts: Sequence[State],
    recurrences: Sequence[np.ndarray],
    passes: int,
) -> tuple[State, ...]:
    """Starting states of all segments after `passes` through the record.

    ``run(k, start)`` gives the states at the end of each row of segment k. `recurrences` count rows through all
    segments, one after the other.
    """
    starts = tuple(starts)
    for _ in range(passes):
        parts = [run(k, start) for k, start in enumerate(starts)]
        states = jax.tree.map(lambda *x: np.concatenate(x), *parts)
        starts = recurring_states(states, recurrences)
    return starts
