"""The learning data of many sites side by side: a lane for each, all of one length."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int

from lad.forcing import Forcing
from lad.integrate import recurrences
from lad.learn.data import LearningData
from lad.many.place import Place
from lad.state import State


class Tower(NamedTuple):
    """One site of a training."""

    site: str
    place: Place
    data: LearningData
    start: State  # where its first spin-up begins
    surface: np.ndarray  # (n,) K, surface temperature of LaD with the table's parameters


class Lanes(eqx.Module):
    """Arrays by site; rows after the end of a site repeat its last one, and nothing runs through them."""

    place: Place  # (sites,)
    forcing: Forcing  # (sites, n)
    observed: Float[Array, "sites n 2"]  # W m-2
    train: Float[Array, "sites n 2"]  # 1 where a measurement may enter the loss
    validation: Float[Array, "sites n 2"]  # 1 where it may judge
    surface: Float[Array, "sites n"]  # K
    length: Int[Array, " sites"]  # rows of the site
    opens: Int[Array, "sites n"]  # number of the segment that begins with a row, -1 in all other rows
    recurs: Int[
        Array, "sites segments passages"
    ]  # rows whose states at the end begin the next pass of a segment
    passages: Float[Array, "sites segments passages"]  # share of each in the mean
    scale: Float[Array, "sites 2"]  # W m-2, what errors are divided by in training
    std: Float[Array, "sites 2"]  # and in validation
    share: Float[Array, " sites"]  # of a site in the loss; 0 for lanes that only fill the devices


def lanes(towers: Sequence[Tower], weighting, devices: int) -> tuple[Lanes, State]:
    """Lanes of `towers`, as many as the number of `devices` divides, and the starts of `towers` (sites, segments).

    `weighting` is one of `lad.learn.objective.WEIGHTINGS`.
    """
    length = max(len(tower.data.time) for tower in towers)
    segments = max(len(tower.data.segments) for tower in towers)
    found = [recurrences(t.data.time, t.data.segments, t.data.dt) for t in towers]
    most = max(len(rows) for of_site in found for rows in of_site)

    def padded(x) -> np.ndarray:
        x = np.asarray(x)
        return np.concatenate([x, np.repeat(x[-1:], length - len(x), axis=0)])

    def masked(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x, np.zeros((length - len(x), 2))])

    def lane(tower: Tower, of_segments, share: float) -> tuple[Lanes, State]:
        data = tower.data
        opens = np.full(length, -1)
        recurs, passages = np.zeros((segments, most), dtype=int), np.zeros((segments, most))
        passages[:, 0] = 1.0
        for number, (segment, rows) in enumerate(zip(data.segments, of_segments, strict=True)):
            opens[segment.start] = number
            recurs[number, : len(rows)] = rows
            passages[number] = np.arange(most) < len(rows)
        passages /= passages.sum(axis=1, keepdims=True)
        std = data.scale()[1]
        of_site = Lanes(
            place=tower.place,
            forcing=jax.tree.map(padded, data.forcing),
            observed=padded(data.observed),
            train=masked(data.train),
            validation=masked(data.validation),
            surface=padded(tower.surface),
            length=np.array(len(data.time)),
            opens=opens,
            recurs=recurs,
            passages=passages,
            scale=weighting(std),
            std=std,
            share=np.array(share),
        )
        return of_site, jax.tree.map(lambda x: np.broadcast_to(x, (segments, *np.shape(x))), tower.start)

    def stacked(trees):
        return jax.tree.map(lambda *x: np.stack(x), *trees)

    share = 1.0 / len(towers)
    made = [lane(tower, rows, share) for tower, rows in zip(towers, found, strict=True)]
    starts = [start for _, start in made]
    made += [lane(towers[0], found[0], 0.0)] * (-len(towers) % devices)
    return stacked([of_site for of_site, _ in made]), stacked(starts)
