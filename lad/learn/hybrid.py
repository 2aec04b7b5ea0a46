"""A hybrid model as something to fit: a learnt flux law on a body of LaD.

Free are the weights of the network and the quantities of the body, from their calibrated values on and within the
bounds of the calibration. A body that stays as it was calibrated keeps what LaD's own law needed there: a bucket that
is too small for it to go wrong in dry years is too small for any other law.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lad.errors import InputError
from lad.fluxes import LEARNT_LAWS, STATES, AbstractFluxes, BulkFluxes, LearntFluxes, Network, Scaling
from lad.learn.calibration import Space
from lad.model import Model


class Free(NamedTuple):
    """What is trained: one tree of arrays."""

    weights: Any  # of the network's layers; () for LaD's own law
    body: Float[Array, " k"]  # distance from the calibrated quantities, in the free numbers of a calibration


class Hybrid(NamedTuple):
    """Frame that turns free numbers into a model; `law` gives all that is not trained."""

    law: AbstractFluxes
    space: Space
    origin: np.ndarray  # (k,), free numbers of the calibrated body

    def free(self, laws: Sequence[AbstractFluxes]) -> Free:
        """Free numbers of untrained `laws`, which differ in their weights alone; leading axis: members."""
        return Free(stacked_weights(laws), jnp.zeros((len(laws), len(self.space.bounds))))

    def model(self, free: Free) -> Model:
        """Model of one member."""
        parameters = self.space.parameters(self.origin + free.body)
        return Model(parameters, with_weights(self.law, free.weights))


def stacked_weights(laws: Sequence[AbstractFluxes]):
    """Weights of `laws`, which differ in them alone; leading axis: members."""

    def weights(law: AbstractFluxes):
        return eqx.filter(law.network.layers, eqx.is_array) if isinstance(law, LearntFluxes) else ()

    return jax.tree.map(lambda *x: jnp.stack(x), *map(weights, laws))


def with_weights(law: AbstractFluxes, weights: Any) -> AbstractFluxes:
    """`law` with the weights of one member."""
    if not isinstance(law, LearntFluxes):
        return law
    layers = eqx.combine(weights, law.network.layers)
    return eqx.tree_at(lambda law: law.network.layers, law, layers)


def seen_states(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Parts of the state that the network of a model's `settings` sees: `states` is true, false or a list of them."""
    states = settings.get("states", False)
    return tuple(name for name in STATES if states is True or (states and name in states))


def random_law(settings: Mapping[str, Any], scaling: Scaling, seed: int) -> AbstractFluxes:
    """Untrained law of the settings of a model, with the weights of `seed`.

    Settings of a network for many sites also name its `attributes`, which are zero here.
    """
    if settings["law"] == "bulk":
        return BulkFluxes()
    law, attributes = LEARNT_LAWS[settings["law"]], settings.get("attributes")
    network = Network(
        scaling,
        states=seen_states(settings),
        hidden=settings["hidden"],
        outputs=law.OUTPUTS,
        key=jax.random.key(seed),
        gain=law.GAIN,
        attributes=jnp.zeros(len(attributes)) if attributes else None,
    )
    return law.of(network)


def check_law(settings: Mapping[str, Any], source: str) -> None:
    """Raise InputError, naming `source`, unless `settings` describe a model that can be trained.

    `{"law": "bulk"}`, or one of `LEARNT_LAWS` with `states` and `hidden`.
    """
    law = settings.get("law")
    if law != "bulk" and law not in LEARNT_LAWS:
        raise InputError(f"{source}: law = {law!r}, expected one of bulk, {', '.join(LEARNT_LAWS)}")
    expected = {"law"} if law == "bulk" else {"law", "states", "hidden"}
    if set(settings) != expected:
        raise InputError(f"{source}: settings {sorted(settings)}, expected {sorted(expected)}")
    if law == "bulk":
        return
    hidden, states = settings["hidden"], settings["states"]
    if not (
        isinstance(states, bool) or (isinstance(states, list) and all(name in STATES for name in states))
    ):
        raise InputError(
            f"{source}: states = {states!r}, expected true, false or a list of {', '.join(STATES)}"
        )
    if not (isinstance(hidden, list) and hidden and all(type(w) is int and w > 0 for w in hidden)):
        raise InputError(f"{source}: hidden = {hidden!r}, expected a list of layer widths like [32, 32]")
