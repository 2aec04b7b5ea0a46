"""The records of all sites of a fit side by side, as arrays that a device can step through at once."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int

from lad.forcing import Forcing
from lad.integrate import recurrences
from lad.state import State
from lad.training.loss import WEIGHTINGS
from lad.training.sites import Anchor, Site


class Lanes(eqx.Module):
    """Records of all sites side by side, padded to one length: rows after the end of a site repeat its last one, and
    nothing runs through them."""

    anchor: Anchor  # (sites,)
    forcing: Forcing  # (sites, n)
    observed: Float[Array, "sites n 2"]  # W m-2
    train: Float[Array, "sites n 2"]  # 1 where a measurement may enter the loss
    validation: Float[Array, "sites n 2"]  # 1 where validation may use it
    surface: Float[Array, "sites n"] | None  # K, surface temperature of the reference run
    length: Int[Array, " sites"]  # rows of the site
    opens: Int[Array, "sites n"]  # number of the segment that begins with a row, -1 in all other rows
    recurs: Int[Array, "sites segments passages"]  # rows whose end states begin the next pass of a segment
    passages: Float[Array, "sites segments passages"]  # share of each in the mean
    scale: Float[Array, "sites 2"]  # W m-2, what errors are divided by in training
    std: Float[Array, "sites 2"]  # and in validation
    share: Float[Array, " sites"]  # of a site in the loss; 0 for lanes that only fill the devices


ROWS = 4 * 366 * 48  # four years of half-hours
FEW = 4  # segments, and passages of a time of year


def rounded_up(count: int, unit: int) -> int:
    """The lowest of 1, 2, 4, 8 … times `unit` that is not less than `count` (1 or more)."""
    return unit << (-(-count // unit) - 1).bit_length()


def alike(sites: Sequence[Site]) -> list[Forcing]:
    """Forcing of each of `sites`, without LAI where one of them has none: no network sees it then."""
    all_have_LAI = all(site.data.forcing.LAI is not None for site in sites)
    forcing = [site.data.forcing for site in sites]
    return forcing if all_have_LAI else [dataclasses.replace(of_site, LAI=None) for of_site in forcing]


def lanes(sites: Sequence[Site], weighting: str, devices: int) -> tuple[Lanes, State]:
    """Lanes of `sites`, filled up to a multiple of `devices`, and the starts of `sites` (sites, segments).

    `weighting` is a key of `lad.training.loss.WEIGHTINGS`. Lengths are rounded up, so that records of about the same
    length share their compiled programs.
    """
    length = rounded_up(max(len(site.data.time) for site in sites), ROWS)
    segments = rounded_up(max(len(site.data.segments) for site in sites), FEW)
    found = [recurrences(site.data.time, site.data.segments, site.data.dt) for site in sites]
    most = rounded_up(max(len(rows) for of_site in found for rows in of_site), FEW)

    def padded(x) -> np.ndarray:
        x = np.asarray(x)
        return np.concatenate([x, np.repeat(x[-1:], length - len(x), axis=0)])

    def masked(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x, np.zeros((length - len(x), 2))])

    def lane(site: Site, forcing: Forcing, of_segments, share: float) -> tuple[Lanes, State]:
        data = site.data
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
            anchor=site.anchor,
            forcing=jax.tree.map(padded, forcing),
            observed=padded(data.observed),
            train=masked(data.train),
            validation=masked(data.validation),
            surface=None if site.states is None else padded(site.states.T[0]),
            length=np.array(len(data.time)),
            opens=opens,
            recurs=recurs,
            passages=passages,
            scale=WEIGHTINGS[weighting](std),
            std=std,
            share=np.array(share),
        )
        return of_site, jax.tree.map(lambda x: np.broadcast_to(x, (segments, *np.shape(x))), site.start)

    def stacked(trees):
        return jax.tree.map(lambda *x: np.stack(x), *trees)

    share = 1.0 / len(sites)
    forcing = alike(sites)
    made = [lane(*of_site, share) for of_site in zip(sites, forcing, found, strict=True)]
    starts = [start for _, start in made]
    made += [lane(sites[0], forcing[0], found[0], 0.0)] * (-len(sites) % devices)
    return stacked([of_site for of_site, _ in made]), stacked(starts)
