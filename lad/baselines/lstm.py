"""A network with memory and without physics: an LSTM of the days before, then a perceptron of the half-hour.

Long memory in daily steps and fluxes in short ones, after the multi-timescale LSTM of Gauch et al. (2021, Hydrol. Earth
Syst. Sci. 25, 2045-2062). Single precision: nothing here is integrated over years.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lad.baselines.data import BaselineData, standardised, weather
from lad.progress import Progress

MEMORY = 90  # days
HIDDEN = 32
BATCH = 64  # days
OPTIMISER = optax.adamw(2e-3, weight_decay=0.1)
VALIDATE_EVERY = 50  # steps between validations
VALIDATIONS = 30
PATIENCE = 6  # validations


class Days(NamedTuple):
    """The record by days: those of a stretch follow each other, missing half-hours count nowhere."""

    daily: Float[
        Array, "days+1 k"
    ]  # means of a day, standardised; the last row, zeros, is the time before a stretch
    before: Int[Array, "days memory"]  # rows of `daily` before each day, the nearest last
    inputs: Float[Array, "days m k"]  # standardised weather of its half-hours
    observed: Float[Array, "days m 2"]  # fluxes, standardised
    train: Float[Array, "days m 2"]  # 1 where usable
    validation: Float[Array, "days m 2"]


class DailyMemory(eqx.Module):
    """Standardised LE and H of the half-hours of a day."""

    cell: eqx.nn.LSTMCell
    head: eqx.nn.MLP

    def __init__(self, size: int, key: PRNGKeyArray):
        """Random weights for `size` inputs."""
        one, two = jax.random.split(key)
        self.cell = eqx.nn.LSTMCell(size, HIDDEN, dtype=jnp.float32, key=one)
        self.head = eqx.nn.MLP(HIDDEN + size, 2, HIDDEN, 2, jax.nn.tanh, dtype=jnp.float32, key=two)

    def __call__(self, before: Float[Array, "memory k"], inputs: Float[Array, "m k"]) -> Float[Array, "m 2"]:
        """From the daily means of the days before and the weather of its half-hours."""
        zero = jnp.zeros(HIDDEN, jnp.float32)
        (memory, _), _ = jax.lax.scan(lambda state, x: (self.cell(x, state), None), (zero, zero), before)
        return jax.vmap(lambda x: self.head(jnp.concatenate([memory, x])))(inputs)


def by_days(data: BaselineData, scale: tuple[np.ndarray, np.ndarray]) -> tuple[Days, np.ndarray, np.ndarray]:
    """The record by days, fluxes less `scale`[0] over `scale`[1]; and each half-hour's day and place in it (n,)."""
    record, training = data.record, data.train.any(axis=1)
    date = record.time.astype("datetime64[D]")
    new = (np.diff(date).astype(int) != 0) | (np.diff(record.segment) != 0)
    day = np.concatenate([[0], np.cumsum(new)])
    place = ((record.time - date) / np.timedelta64(1, "s") / record.dt).astype(int)
    count, length = day[-1] + 1, round(86400 / record.dt)

    def grid(values: np.ndarray) -> np.ndarray:
        filled = np.zeros((count, length, values.shape[1]), np.float32)
        filled[day, place] = values
        return filled

    values = weather(data).to_numpy()
    sums = grid(values).sum(axis=1, dtype=float)
    daily = standardised(sums / np.bincount(day)[:, None], grid(data.train).any(axis=(1, 2)))
    segment = record.segment[np.searchsorted(day, np.arange(count))]
    before = np.arange(count)[:, None] + np.arange(-MEMORY, 0)
    before = np.where((before >= 0) & (segment[before] == segment[:, None]), before, count)
    mean, std = scale
    days = Days(
        daily=np.concatenate([daily, np.zeros((1, daily.shape[1]))]).astype(np.float32),
        before=before,
        inputs=grid(standardised(values, training)),
        observed=grid((data.observed - mean) / std),
        train=grid(data.train),
        validation=grid(data.validation),
    )
    return Days(*map(jnp.asarray, days)), day, place


def of_days(model: DailyMemory, days: Days, chosen: Int[Array, " b"]) -> Float[Array, "b m 2"]:
    """Standardised fluxes of the half-hours of the days `chosen`."""
    return jax.vmap(model)(days.daily[days.before[chosen]], days.inputs[chosen])


def loss(
    model: DailyMemory, days: Days, chosen: Int[Array, " b"], weight: Float[Array, "days m 2"]
) -> Float[Array, ""]:
    """Mean squared error over the half-hours of weight 1 in the days `chosen`."""
    error = of_days(model, days, chosen) - days.observed[chosen]
    return jnp.sum(weight[chosen] * error**2) / jnp.maximum(jnp.sum(weight[chosen]), 1.0)


@eqx.filter_jit
def descend(models, states, days: Days, batches: Int[Array, "steps b"]):
    """Models of all seeds after a step on each batch of days, and the states of their optimiser."""

    def one(model, state):
        arrays, static = eqx.partition(model, eqx.is_array)

        def step(carry, chosen):
            arrays, state = carry
            slope = jax.grad(lambda a: loss(eqx.combine(a, static), days, chosen, days.train))(arrays)
            change, state = OPTIMISER.update(slope, state, arrays)
            return (optax.apply_updates(arrays, change), state), None

        (arrays, state), _ = jax.lax.scan(step, (arrays, state), batches)
        return eqx.combine(arrays, static), state

    return eqx.filter_vmap(one)(models, states)


@eqx.filter_jit
def of_all(models, days: Days, chosen: Int[Array, " b"]) -> Float[Array, "seeds b m 2"]:
    """`of_days` of each seed."""
    return eqx.filter_vmap(lambda model: of_days(model, days, chosen))(models)


@eqx.filter_jit
def judged(models, days: Days, chosen: Int[Array, " b"]) -> Float[Array, " seeds"]:
    """Validation loss of each seed."""
    return eqx.filter_vmap(lambda model: loss(model, days, chosen, days.validation))(models)


def fit(data: BaselineData, days: Days, seeds: int) -> DailyMemory:
    """Models of all seeds, each at its lowest validation loss."""
    trained = np.flatnonzero(np.asarray(days.train).any(axis=(1, 2)))
    validation = jnp.flatnonzero(days.validation.any(axis=(1, 2)))
    keys = jax.random.split(jax.random.key(0), seeds)
    models = eqx.filter_vmap(lambda key: DailyMemory(days.daily.shape[1], key))(keys)
    states = eqx.filter_vmap(lambda model: OPTIMISER.init(eqx.filter(model, eqx.is_array)))(models)
    rng, progress = np.random.default_rng(0), Progress(f"{data.site} lstm", VALIDATIONS)
    best, lowest, waited = models, np.full(seeds, np.inf), 0
    for number in range(VALIDATIONS):
        batches = jnp.asarray(rng.choice(trained, (VALIDATE_EVERY, BATCH)))
        models, states = descend(models, states, days, batches)
        found = np.asarray(judged(models, days, validation))
        better = found < lowest
        lowest = np.minimum(found, lowest)
        best = jax.tree.map(
            lambda new, old, take=better: (
                jnp.where(take.reshape(-1, *[1] * (new.ndim - 1)), new, old) if eqx.is_array(new) else new
            ),
            models,
            best,
        )
        waited = 0 if better.any() else waited + 1
        ends = waited == PATIENCE
        progress.update(number + 1, f"validation loss {lowest.mean():.4f}", ends)
        if ends:
            break
    return best


def predict(data: BaselineData, seeds: int) -> np.ndarray:
    """Fluxes (seeds, n, 2) in W m-2 over the record."""
    usable = np.where(data.train, data.observed, np.nan)
    mean, std = np.nanmean(usable, axis=0), np.nanstd(usable, axis=0)
    days, day, place = by_days(data, (mean, std))
    models = fit(data, days, seeds)
    parts = np.array_split(np.arange(len(days.before)), 1 + len(days.before) // 500)
    fluxes = np.concatenate([np.asarray(of_all(models, days, jnp.asarray(part))) for part in parts], axis=1)
    return fluxes[:, day, place].astype(float) * std + mean
