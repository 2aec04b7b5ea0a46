"""The network inside the learnt flux laws: what it sees, and how it is scaled."""

from collections.abc import Iterable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lad.constants import ANTECEDENTS
from lad.errors import InputError
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.physics.snow import presence
from lad.state import State

# Pressure is not an input: it hardly varies within a record, but shifts between sensors and years.
FORCING_INPUTS = ("SWdown", "LWdown", "Tair", "VPD", "Wind")
LAYERS = 5  # soil layers whose temperatures are inputs
STATES = {"soil": LAYERS, "root": 2, "snow": 2}
"""Parts of the state a network may see → number of inputs."""


def network_inputs(
    state: State | None,
    forcing: Forcing,
    parameters: Parameters,
    states: Iterable[str],
    antecedents: Iterable[str] = (),
) -> list[Float[Array, "..."]]:
    """Inputs in SI units: forcing, `antecedents` (of `ANTECEDENTS`, and LAI), then the parts `states` of `STATES`.

    Without `states`, `state` may be None. Raises InputError for a forcing that lacks an input.

    soil: difference of surface and air temperature, temperatures of the deeper layers. root: fill of the root zone, and
    a logarithm of it that separates dry from very dry. snow: its presence and its masking of the surface.
    """
    inputs = [getattr(forcing, name) for name in FORCING_INPUTS]
    for name in antecedents:
        values = forcing.LAI if name == "LAI" else forcing.antecedents
        if values is None:
            source = "a table, the setting lai of the site" if name == "LAI" else "one that read_record gives"
            raise InputError(f"the forcing has no {name}, which the network sees: expected {source}")
        inputs.append(values if name == "LAI" else values[..., ANTECEDENTS.index(name)])
    if "soil" in states:
        inputs += [state.T[0] - forcing.Tair, *state.T[1:]]
    if "root" in states:
        fill = state.root / parameters.Wmax
        inputs += [fill, jnp.log(fill + 0.02)]
    if "snow" in states:
        inputs += [presence(state.snow), state.snow / (state.snow + parameters.Wc)]
    return inputs


class Scaling(eqx.Module):
    """Means and standard deviations over the training half-hours; not trained."""

    input_mean: Float[Array, " inputs"]
    input_std: Float[Array, " inputs"]
    flux_mean: Float[Array, "2"]  # W m-2, (LE, H)
    flux_std: Float[Array, "2"]  # W m-2, (LE, H)

    @classmethod
    def empty(cls, states: Iterable[str], *further: Sequence[str]) -> "Scaling":
        """Of the right shapes, to be filled from a file; `further` are names of antecedents and of attributes."""
        size = len(FORCING_INPUTS) + sum(STATES[name] for name in states) + sum(map(len, further))
        return cls(jnp.zeros(size), jnp.ones(size), jnp.zeros(2), jnp.ones(2))


class Network(eqx.Module):
    """Multi-layer perceptron of forcing, antecedent weather and parts of the state; its outputs are of order one.

    A network for many sites also sees `attributes` of each: inputs that do not change in time.
    """

    layers: tuple[eqx.nn.Linear, ...]
    scaling: Scaling
    attributes: Float[Array, " attributes"] | None
    states: tuple[str, ...] = eqx.field(static=True)
    antecedents: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        scaling: Scaling,
        *,
        states: Iterable[str],
        hidden: Iterable[int],
        outputs: int,
        key: PRNGKeyArray,
        gain: float = 1.0,
        antecedents: Iterable[str] = (),
        attributes: Float[Array, " attributes"] | None = None,
    ):
        """Random weights from `key`; `hidden` gives the widths of the hidden layers.

        `scaling` includes the attributes, which follow the other inputs. `gain` scales the weights of the last layer:
        with a small one the output starts near zero.
        """
        self.scaling = scaling
        self.attributes = attributes
        self.states, self.antecedents = tuple(states), tuple(antecedents)
        widths = (scaling.input_mean.shape[0], *hidden, outputs)
        keys = jax.random.split(key, len(widths) - 1)
        *inner, last = (
            eqx.nn.Linear(i, o, dtype=float, key=k)
            for i, o, k in zip(widths[:-1], widths[1:], keys, strict=True)
        )
        self.layers = (*inner, jax.tree.map(lambda x: gain * x, last))

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Float[Array, " outputs"]:
        """Outputs at one instant."""
        scaling = jax.lax.stop_gradient(self.scaling)
        x = jnp.stack(network_inputs(state, forcing, parameters, self.states, self.antecedents))
        if self.attributes is not None:
            x = jnp.concatenate([x, jax.lax.stop_gradient(self.attributes)])
        x = (x - scaling.input_mean) / scaling.input_std
        for layer in self.layers[:-1]:
            x = jnp.tanh(layer(x))
        return self.layers[-1](x)


def factor(output: Float[Array, "..."], most: float) -> Float[Array, "..."]:
    """A positive factor between 1/`most` and `most`: 1 at 0, with slope 1 there."""
    bound = jnp.log(most)
    return jnp.exp(bound * jnp.tanh(output / bound))
