"""A hybrid model as something to fit: a flux law on LaD, at one site or at many.

The weights of the network are trained, and the physical parameters, within the bounds of the calibration: at one site
from their calibrated values, at many from those of the table, from which all sites depart alike. Physical parameters
held as calibrated would keep what LaD's own law needed: a root zone so small that this law does not go wrong in dry
years is too small for any other law.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lad.errors import InputError
from lad.fluxes import (
    FORCING_INPUTS,
    AbstractFluxes,
    LearntFluxes,
    Network,
    Scaling,
    law_class,
    network_inputs,
)
from lad.model import Model
from lad.settings import LawSettings, ModelSettings
from lad.training.sites import Anchor, Site


class Free(NamedTuple):
    """What is trained: one tree of arrays."""

    weights: Any  # arrays of the law; of a learnt law only the layers of its network
    shift: Float[Array, " k"]  # departure of the physical parameters from the anchor, in free numbers
    mapping: Float[Array, "k attributes"] | None = (
        None  # departure by one standard deviation of each attribute
    )


class Hybrid(eqx.Module):
    """What all sites have in common: the law, and how far the physical parameters depart from the anchor.

    With a `mapping` the departure of a site is linear in its attributes, standardised over the sites of the training
    (differentiable parameter learning: Tsai et al. 2021, Nat. Commun. 12, 5988).
    """

    law: AbstractFluxes  # its scaling is that of all sites; its attributes belong to none
    shift: Float[Array, " k"]
    mapping: Float[Array, "k attributes"] | None = None

    def at(self, anchor: Anchor) -> Model:
        """The model of one site."""
        law = self.law
        if anchor.scaling is not None:
            law = eqx.tree_at(lambda law: law.network.scaling, law, anchor.scaling)
        free = anchor.origin + self.shift
        if self.mapping is not None:
            free += self.mapping @ _scaled(anchor.attributes, law.network.scaling)
        return Model(anchor.space.parameters(free), law_at(law, anchor.attributes, anchor.hidden))

    def free(self) -> Free:
        """The part that is trained."""
        weights = self.law.network.layers if isinstance(self.law, LearntFluxes) else self.law
        return Free(eqx.filter(weights, eqx.is_inexact_array), self.shift, self.mapping)

    def with_free(self, free: Free) -> "Hybrid":
        """The same hybrid with other free numbers."""
        if isinstance(self.law, LearntFluxes):
            layers = eqx.combine(free.weights, self.law.network.layers)
            law = eqx.tree_at(lambda law: law.network.layers, self.law, layers)
        else:
            law = eqx.combine(free.weights, self.law)
        return Hybrid(law, free.shift, free.mapping)


def _scaled(attributes: Float[Array, " attributes"], scaling: Scaling) -> Float[Array, " attributes"]:
    """Standardised attributes of a site, the last inputs of a network."""
    mean, std = (
        jax.lax.stop_gradient(x)[-attributes.size :] for x in (scaling.input_mean, scaling.input_std)
    )
    return (attributes - mean) / std


def law_at(
    law: AbstractFluxes, attributes: Float[Array, " attributes"], hidden: Bool[Array, " 5"]
) -> AbstractFluxes:
    """The law of all sites at one of them, with its `attributes` and blind to `hidden` inputs of `FORCING_INPUTS`."""
    if not isinstance(law, LearntFluxes):
        return law
    std, hidden = law.network.scaling.input_std, hidden_weather(hidden, law.network.antecedents)
    std = jnp.concatenate([jnp.where(hidden, jnp.inf, std[: hidden.size]), std[hidden.size :]])
    law = eqx.tree_at(lambda law: law.network.scaling.input_std, law, std)
    if law.network.attributes is None:
        return law
    return eqx.tree_at(lambda law: law.network.attributes, law, attributes)


def hidden_weather(hidden: Bool[Array, " 5"], antecedents: Sequence[str]) -> Bool[Array, " weather"]:
    """Which inputs of the forcing and of `antecedents` are hidden, from `hidden` of `FORCING_INPUTS`."""
    variables = [*FORCING_INPUTS, *(name.partition("_")[0] for name in antecedents)]
    number = [FORCING_INPUTS.index(name) if name in FORCING_INPUTS else -1 for name in variables]
    return jnp.append(jnp.asarray(hidden), False)[jnp.array(number)]  # precipitation is never hidden


def untrained_law(settings: ModelSettings, scaling: Scaling, seed: int) -> AbstractFluxes:
    """The law of `settings` with the random weights of `seed`; its attributes are zero."""
    law = law_class(settings.law)
    if not issubclass(law, LearntFluxes):
        return law()
    network = Network(
        scaling,
        states=settings.seen_states,
        hidden=settings.hidden,
        outputs=law.OUTPUTS,
        key=jax.random.key(seed),
        gain=law.GAIN,
        antecedents=settings.seen_antecedents,
        attributes=jnp.zeros(len(settings.attributes)) if settings.attributes else None,
    )
    return law.of(network)


def stacked(members: Sequence[Any]) -> Any:
    """Trees of the same structure stacked on a leading axis of members."""
    return jax.tree.map(lambda *x: jnp.stack(x), *members)


def training_scaling(sites: Sequence[Site], settings: LawSettings) -> Scaling:
    """Means and standard deviations of inputs, attributes and fluxes in training, with equal weight of each site.

    The parts of the state that the network sees are from the reference runs. A site does not enter the moments of an
    input that is hidden there. An input that never varies (snow in the desert) is hidden everywhere.
    """
    states, antecedents = settings.seen_states, settings.seen_antecedents
    values = []
    for site in sites:
        try:
            inputs = network_inputs(site.states, site.data.forcing, site.reference, states, antecedents)
        except InputError as error:
            raise InputError(f"{site.site_id}: {error}") from None
        values.append(np.stack(inputs, axis=-1)[site.data.train.any(axis=1)])
    means, stds = (np.stack([getattr(x, name)(axis=0) for x in values]) for name in ("mean", "std"))
    seen = np.ones(means.shape, dtype=bool)
    hidden = np.stack([hidden_weather(site.anchor.hidden, antecedents) for site in sites])
    seen[:, : hidden.shape[1]] = ~hidden
    inputs = _pooled(means, stds, seen)
    attributes = np.stack([site.anchor.attributes for site in sites])
    fixed = _pooled(attributes, np.zeros_like(attributes), np.ones(attributes.shape, dtype=bool))
    mean, std = (np.concatenate(x) for x in zip(inputs, fixed, strict=True))
    flux_means, flux_stds = (np.stack(x) for x in zip(*(site.data.scale() for site in sites), strict=True))
    flux = _pooled(flux_means, flux_stds, np.ones(flux_means.shape, dtype=bool))
    std = np.where(std > 1e-6 * (1.0 + np.abs(mean)), std, np.inf)
    return Scaling(*(jnp.asarray(x) for x in (mean, std, *flux)))


def _pooled(
    means: Float[np.ndarray, "sites n"], stds: Float[np.ndarray, "sites n"], seen: Bool[np.ndarray, "sites n"]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all sites; 0 and 0 where no site counts."""
    count = np.maximum(seen.sum(axis=0), 1)
    mean = (seen * means).sum(axis=0) / count
    square = (seen * (stds**2 + (means - mean) ** 2)).sum(axis=0) / count
    return mean, np.sqrt(square)
