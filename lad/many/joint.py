"""A network for many towers, and its file: one line of JSON (law, origin), then its arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lad.errors import InputError
from lad.fluxes import FORCING_INPUTS, LearntFluxes, Scaling
from lad.learn.files import reading, training_record, write_arrays
from lad.learn.hybrid import check_law, random_law, seen_states
from lad.learn.normalise import spread
from lad.many.place import ATTRIBUTES, Place
from lad.model import Model

BODY = 8  # quantities of a calibration


class Joint(eqx.Module):
    """What all towers have in common: the law, and how far bodies depart from the table's values."""

    law: LearntFluxes  # its scaling is that of all towers; its attributes are those of none
    body: Float[Array, " k"]  # in the free numbers of a calibration

    def at(self, place: Place) -> Model:
        """The model of one tower."""
        network = self.law.network
        nothing = jnp.zeros_like(network.scaling.input_std, dtype=bool)
        hidden = nothing.at[: len(FORCING_INPUTS)].set(place.hidden)
        std = jnp.where(hidden, jnp.inf, network.scaling.input_std)
        law = eqx.tree_at(lambda law: law.network.scaling.input_std, self.law, std)
        if network.attributes is not None:
            law = eqx.tree_at(lambda law: law.network.attributes, law, place.attributes)
        return Model(place.space.parameters(place.origin + self.body), law)


def check_joint(settings: Mapping[str, Any], source: str) -> None:
    """Raise InputError, naming `source`, unless `settings` are those of a law with a network and `attributes`."""
    attributes = settings.get("attributes")
    check_law({name: value for name, value in settings.items() if name != "attributes"}, source)
    if settings["law"] == "bulk":
        raise InputError(f"{source}: law = 'bulk' has no network to train on many towers")
    if not (isinstance(attributes, list) and all(name in ATTRIBUTES for name in attributes)):
        raise InputError(f"{source}: attributes = {attributes!r}, expected a list of {', '.join(ATTRIBUTES)}")


def pooled_scaling(
    places: Sequence[Place],
    moments: Sequence[tuple[np.ndarray, np.ndarray]],
    scales: Sequence[tuple[np.ndarray, np.ndarray]],
) -> Scaling:
    """Scaling of inputs and attributes by the moments of all sites, each site counting alike.

    `moments` are mean and standard deviation (inputs,) of each, `scales` those (2,) of its fluxes. A site has no part
    in the moments of an input that is made up there.
    """
    means, stds = (np.stack(x) for x in zip(*moments, strict=True))
    hidden = np.zeros(means.shape, dtype=bool)
    hidden[:, : len(FORCING_INPUTS)] = [place.hidden for place in places]
    attributes = np.stack([place.attributes for place in places])
    inputs = _pooled(means, stds, ~hidden)
    fixed = _pooled(attributes, np.zeros_like(attributes), np.ones(attributes.shape, dtype=bool))
    mean, std = (np.concatenate(x) for x in zip(inputs, fixed, strict=True))
    flux_means, flux_stds = (np.stack(x) for x in zip(*scales, strict=True))
    flux = _pooled(flux_means, flux_stds, np.ones(flux_means.shape, dtype=bool))
    return Scaling(*(jnp.asarray(x) for x in (mean, spread(mean, std), *flux)))


def _pooled(
    means: Float[np.ndarray, "sites n"], stds: Float[np.ndarray, "sites n"], seen: Bool[np.ndarray, "sites n"]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all sites; 0 and 0 where no site counts."""
    count = np.maximum(seen.sum(axis=0), 1)
    mean = (seen * means).sum(axis=0) / count
    square = (seen * (stds**2 + (means - mean) ** 2)).sum(axis=0) / count
    return mean, np.sqrt(square)


def save_joint(path: Path, joint: Joint, settings: Mapping[str, Any], origin: Mapping[str, Any]) -> None:
    """Write a network with the settings of its law and its record of origin (`lad.provenance`)."""
    header = {"settings": dict(settings), "provenance": dict(origin)}
    write_arrays(path, header, joint)


def load_joint(path: str | Path) -> tuple[Joint, dict[str, Any]]:
    """Network and settings from a file of `save_joint`; raises InputError if it is not one."""
    with reading(path, "a network for many towers") as (header, file):
        settings = header["settings"]
        check_joint(settings, str(path))
        scaling = Scaling.empty(seen_states(settings), settings["attributes"])
        frame = Joint(random_law(settings, scaling, 0), jnp.zeros(BODY))
        return eqx.tree_deserialise_leaves(file, frame), settings


def trained_on(path: str | Path) -> list[str]:
    """Sites of the training of a network, as the record of its file tells; raises InputError if it tells none."""
    sites = training_record(path).get("sites")
    if not sites:
        raise InputError(
            f"{path}: does not tell the sites of its training, expected a network of lad train-many"
        )
    return sites
