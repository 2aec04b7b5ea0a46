"""Fit free parameters of a model by gradient descent through its solver.

Rounds of two parts. A *survey* spins every member up and runs it freely through the whole training span:
this renews the states from which windows start, and gives the validation loss, of which the best is kept.
Then come gradient steps on random windows of some days, each from the surveyed state. Members (seeds or
starting points) are independent and advance together.
"""

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from lad.errors import InputError
from lad.forcing import rows
from lad.integrate import roll_out
from lad.io import replacing
from lad.learn.data import LearningData, window_starts
from lad.learn.diagnosis import describe_failure
from lad.learn.objective import WEIGHTINGS, loss, simulated_fluxes, surface_penalty
from lad.learn.survey import FIRST_SPIN_UP, NEXT_SPIN_UP, Survey
from lad.model import Model
from lad.progress import Progress
from lad.state import State


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to descend."""

    steps: int  # gradient steps
    batch: int  # windows in a step, at their last length; shorter ones are more, for as many days in all
    window_days: tuple[float, ...]  # lengths of the windows, in turn: each for an equal share of the surveys
    learning_rate: float  # peak, after warm-up and before cosine decay
    weight_decay: float  # pull of the free numbers towards zero, decoupled from the gradient (AdamW)
    loss: str  # a key of `WEIGHTINGS`
    refresh: int  # steps between surveys
    patience: int  # surveys without a better validation loss of any member before stopping

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str) -> "Settings":
        """Settings from configuration; raises InputError for a missing, unknown or impossible entry."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise InputError(f"{source}: settings {sorted(values)}, expected {sorted(names)}")
        for name in ("steps", "batch", "refresh", "patience"):
            if type(values[name]) is not int or values[name] < 1:
                raise InputError(f"{source}: {name} = {values[name]!r}, expected a positive whole number")
        days, decay = values["window_days"], values["weight_decay"]
        if not (isinstance(days, list) and days and all(_positive(x) for x in days)):
            raise InputError(f"{source}: window_days = {days!r}, expected a list of positive numbers")
        if not _positive(values["learning_rate"]):
            raise InputError(
                f"{source}: learning_rate = {values['learning_rate']!r}, expected a positive number"
            )
        if not (_positive(decay) or decay == 0):
            raise InputError(f"{source}: weight_decay = {decay!r}, expected a number that is not negative")
        if values["loss"] not in WEIGHTINGS:
            raise InputError(f"{source}: loss = {values['loss']!r}, expected one of {', '.join(WEIGHTINGS)}")
        return cls(**values | {"window_days": tuple(days)})

    def window_at(self, step: int) -> float:
        """Length (days) of the windows that follow the survey at `step`."""
        surveys = -(-self.steps // self.refresh)
        return self.window_days[
            min(step // self.refresh * len(self.window_days) // surveys, len(self.window_days) - 1)
        ]


def _positive(value: Any) -> bool:
    return type(value) in (int, float) and value > 0


class Progressing(NamedTuple):
    """Everything that changes during a fit; a checkpoint holds it."""

    free: Any  # free parameters, leading axis: members
    optimiser: Any
    starts: tuple[State, ...]  # where a pass through each segment begins
    best: Any  # free parameters at the best validation loss of each member
    best_loss: Any  # (members,)
    step: Any  # ()
    stale: Any  # (), surveys since any member improved


class Fit(NamedTuple):
    """Result of a fit."""

    free: Any  # free parameters at the lowest validation loss of each member
    validation_loss: np.ndarray  # (members,)
    history: pd.DataFrame  # step, member, train_loss, validation_loss of every survey


def fit(
    build: Callable[[Any], Model],
    free: Any,
    start: State,
    data: LearningData,
    solver: Callable,
    settings: Settings,
    *,
    seed: int,
    label: str,
    checkpoint: Path,
    fingerprint: str,
    surface: Any = None,
) -> Fit:
    """Fit `free`, arrays with a leading axis of members, so that ``build(of a member)`` matches measured fluxes.

    `start` is where the first spin-up begins. Before each survey but the first, the fit is written to
    `checkpoint`, and resumed from there by a call of the same `fingerprint`, with the same result as without
    interruption. With `surface` (n,), the surface temperature (K) of another model, steps are held to its mean
    (`surface_penalty`). Raises InputError when loss or parameters cease to be finite.
    """
    for days in settings.window_days:
        if days * 86400.0 < data.dt:
            raise InputError(f"{label}: window_days = {days} is shorter than {data.dt:.0f} s")
    members = len(jax.tree.leaves(free)[0])
    scale = jnp.asarray(WEIGHTINGS[settings.loss](data.scale()[1]))
    survey = Survey(build, data, solver, scale, label)
    warm_up = max(1, settings.steps // 20)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, settings.learning_rate, warm_up, max(settings.steps, warm_up + 1), 0.01 * settings.learning_rate
    )
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=settings.weight_decay)
    )

    def mismatch(free, states, batch):
        """Loss of the model of one member over windows of forcing, observed fluxes, their use, surface temperature."""
        forcing, observed, use, surface = batch
        model = build(free)
        _, trajectory = jax.vmap(lambda s, f: roll_out(solver, model, s, f, data.dt))(states, forcing)
        value = loss(simulated_fluxes(trajectory.rates), observed, use, scale)
        return value if surface is None else value + surface_penalty(trajectory.state.T[0], surface)

    def mismatches(free, states, visible, windows, within):
        """Losses of all members, after their sum: its gradient holds that of each, and is traced in half the time."""

        def of_member(free, states, windows):
            return mismatch(free, rows(states, windows), rows(visible, windows[:, None] + within))

        losses = jax.vmap(of_member, in_axes=(0, 1, 0))(free, states, windows)
        return losses.sum(), losses

    @eqx.filter_jit
    def descend(free, optimiser_state, states, windows, length, visible):
        """Gradient steps, one per row of `windows` (steps, members, batch), first rows of windows of `length` rows.

        Returns the loss of each step and member, and whether that and its gradient were finite.
        """
        within = jnp.arange(length)

        def step(carry, windows):
            free, optimiser_state = carry
            (_, losses), gradient = jax.value_and_grad(mismatches, has_aux=True)(
                free, states, visible, windows, within
            )
            sound = jax.vmap(lambda g: jnp.isfinite(optax.tree.norm(g)))(gradient) & jnp.isfinite(losses)
            update, optimiser_state = jax.vmap(optimiser.update)(gradient, optimiser_state, free)
            return (optax.apply_updates(free, update), optimiser_state), (losses, sound)

        (free, optimiser_state), told = jax.lax.scan(step, (free, optimiser_state), windows)
        return free, optimiser_state, told

    visible = (data.forcing, jnp.asarray(data.observed), jnp.asarray(data.train), surface)
    now = Progressing(
        free=free,
        optimiser=jax.vmap(optimiser.init)(free),
        starts=survey.begin(start, members),
        best=free,
        best_loss=jnp.full(members, jnp.inf),
        step=jnp.asarray(0),
        stale=jnp.asarray(0),
    )
    now, history = _resume(checkpoint, fingerprint, now)
    progress = Progress(label, settings.steps, int(now.step))
    while True:
        done = int(now.step)
        surveyed = survey(now.free, now.starts, FIRST_SPIN_UP if done == 0 else NEXT_SPIN_UP)
        train_loss, validation_loss = surveyed.losses
        better = jnp.asarray(validation_loss) < now.best_loss
        now = now._replace(
            starts=surveyed.starts,
            best=_select(better, now.free, now.best),
            best_loss=jnp.where(better, validation_loss, now.best_loss),
            stale=jnp.where(better.any(), 0, now.stale + 1),
        )
        history += [
            {"step": done, "member": m, "train_loss": float(a), "validation_loss": float(b)}
            for m, (a, b) in enumerate(zip(train_loss, validation_loss, strict=True))
        ]
        told = f"loss {train_loss.mean():.4f}  validation {validation_loss.mean():.4f}  best {now.best_loss.mean():.4f}"
        progress.update(done, told)
        if done >= settings.steps or now.stale >= settings.patience:
            break

        rng = np.random.default_rng([seed, done])
        days = settings.window_at(done)
        length = round(days * 86400.0 / data.dt)
        batch = max(1, round(settings.batch * settings.window_days[-1] / days))
        first_rows = window_starts(data, length, int(rng.integers(length)))
        count = min(settings.refresh, settings.steps - done)
        windows = rng.choice(first_rows, size=(count, members, batch), replace=True)
        inputs = (now.free, now.optimiser, surveyed.before)
        free, optimiser_state, (_, sound) = descend(*inputs, jnp.asarray(windows), length, visible)
        if not sound.all():
            failed, member = (int(x) for x in np.argwhere(~np.asarray(sound))[0])
            free = descend(*inputs, jnp.asarray(windows[:failed]), length, visible)[0] if failed else now.free
            of_window = partial(_window_loss, mismatch, _member(surveyed.before, member), visible)
            where = describe_failure(
                of_window, rows(free, member), windows[failed, member], length, data.time
            )
            raise InputError(
                f"{label}: loss or gradient of member {member} not finite in step {done + failed + 1}, {where}"
            )
        now = now._replace(free=free, optimiser=optimiser_state, step=now.step + count)
        _save(checkpoint, fingerprint, now, history)
    return Fit(now.best, np.asarray(now.best_loss), pd.DataFrame(history))


def _member(states: State, member: int) -> State:
    """States (n,) of one member of those (n, members) of a survey."""
    return jax.tree.map(lambda x: x[:, member], states)


def _window_loss(mismatch, states, visible, free, index, counted):
    """Loss over the window of the rows `index` (length,), of what `counted` (length, 2) counts."""
    forcing, observed, use, surface = rows(visible, index[None])
    return mismatch(free, rows(states, index[:1]), (forcing, observed, use * counted, surface))


def _select(choice, new, old):
    """Members of `new` where `choice` (members,) is true, of `old` elsewhere."""

    def of_array(a, b):
        return jnp.where(choice.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(of_array, new, old)


def _save(path: Path, fingerprint: str, now: Progressing, history: list[dict]) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write((json.dumps({"fingerprint": fingerprint, "history": history}) + "\n").encode())
        eqx.tree_serialise_leaves(file, now)


def _resume(path: Path, fingerprint: str, fresh: Progressing) -> tuple[Progressing, list[dict]]:
    """State and history of the checkpoint at `path`, or `fresh` if it is absent or of another fit."""
    if not path.exists():
        return fresh, []
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        if header["fingerprint"] != fingerprint:
            return fresh, []
        return eqx.tree_deserialise_leaves(file, fresh), header["history"]
