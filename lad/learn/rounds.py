"""Rounds of a fit: surveys, gradient steps between them, the best kept, and a checkpoint of it all.

A *survey* spins every member up and runs it freely through the whole training span: this renews the states from
which windows start, and gives the validation loss, of which the best is kept. Then come gradient steps on random
windows of some days, each from the surveyed state. Members (seeds or starting points) are independent and advance
together.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from lad.errors import InputError
from lad.learn import checkpoint as checkpoints
from lad.learn.objective import WEIGHTINGS
from lad.learn.survey import FIRST_SPIN_UP, NEXT_SPIN_UP
from lad.progress import Progress


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

    def windows(self, step: int, dt: float) -> tuple[int, int]:
        """Length (intervals of `dt` s) and number of the windows of each gradient step after the survey at `step`."""
        days = self.window_at(step)
        return round(days * 86400.0 / dt), max(1, round(self.batch * self.window_days[-1] / days))

    def check_interval(self, dt: float, label: str) -> None:
        """Raise InputError, beginning with `label`, for windows shorter than an interval of `dt` s."""
        for days in self.window_days:
            if days * 86400.0 < dt:
                raise InputError(f"{label}: window_days = {days} is shorter than {dt:.0f} s")

    def optimiser(self) -> optax.GradientTransformation:
        """Clipped AdamW with warm-up and cosine decay of its rate."""
        warm_up = max(1, self.steps // 20)
        schedule = optax.warmup_cosine_decay_schedule(
            0.0, self.learning_rate, warm_up, max(self.steps, warm_up + 1), 0.01 * self.learning_rate
        )
        return optax.chain(
            optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=self.weight_decay)
        )


def _positive(value: Any) -> bool:
    return type(value) in (int, float) and value > 0


class Progressing(NamedTuple):
    """Everything that changes during a fit; a checkpoint holds it."""

    free: Any  # free parameters, leading axis: members
    optimiser: Any
    starts: Any  # states where a pass through each segment begins
    best: Any  # free parameters at the best validation loss of each member
    best_loss: Any  # (members,)
    step: Any  # ()
    stale: Any  # (), surveys since any member improved


class Fit(NamedTuple):
    """Result of a fit."""

    free: Any  # free parameters at the lowest validation loss of each member
    validation_loss: np.ndarray  # (members,)
    history: pd.DataFrame  # step, member, train_loss, validation_loss of every survey


def gradient_steps(mismatches: Callable, optimiser: optax.GradientTransformation) -> Callable:
    """Compiled gradient steps that lower ``mismatches(free, states, visible, windows, within)``, losses (members,).

    They are called with ``(free, optimiser_state, states, windows, length, visible)``, a step for each row of `windows`
    (steps, …), the first rows of windows of `length` rows, and return the new free numbers and state of the optimiser,
    and of each step and member the loss and whether that and its gradient were finite.
    """

    def total(free, *rest):
        """The sum over members, whose gradient holds that of each, and is traced in half the time."""
        losses = mismatches(free, *rest)
        return losses.sum(), losses

    @eqx.filter_jit
    def steps(free, optimiser_state, states, windows, length, visible):
        within = jnp.arange(length)

        def step(carry, windows):
            free, optimiser_state = carry
            (_, losses), gradient = jax.value_and_grad(total, has_aux=True)(
                free, states, visible, windows, within
            )
            sound = jax.vmap(lambda g: jnp.isfinite(optax.tree.norm(g)))(gradient) & jnp.isfinite(losses)
            update, optimiser_state = jax.vmap(optimiser.update)(gradient, optimiser_state, free)
            return (optax.apply_updates(free, update), optimiser_state), (losses, sound)

        (free, optimiser_state), told = jax.lax.scan(step, (free, optimiser_state), windows)
        return free, optimiser_state, told

    return steps


def rounds(
    free: Any,
    starts: Any,
    survey: Callable,
    descend: Callable,
    settings: Settings,
    *,
    label: str,
    checkpoint: Path,
    fingerprint: str,
) -> Fit:
    """Fit `free`, arrays with a leading axis of members, in rounds.

    ``survey(free, starts, passes)`` gives a record with renewed `starts` and `losses` (2, members), of training and
    validation; ``descend(now, surveyed, count)`` the free numbers and the state of the optimiser after `count` gradient
    steps. Before each survey but the first, all is written to `checkpoint`, and resumed from there by a call of the
    same `fingerprint`, with the same result as without interruption.
    """
    members = len(jax.tree.leaves(free)[0])
    now = Progressing(
        free=free,
        optimiser=jax.vmap(settings.optimiser().init)(free),
        starts=starts,
        best=free,
        best_loss=jnp.full(members, jnp.inf),
        step=jnp.asarray(0),
        stale=jnp.asarray(0),
    )
    history, now = checkpoints.resume(checkpoint, fingerprint, now)
    progress = Progress(label, settings.steps, int(now.step))
    first = jax.process_index() == 0  # of several processes, which all compute the same, one tells and writes
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
        if first:
            progress.update(done, told)
        if done >= settings.steps or now.stale >= settings.patience:
            break
        count = min(settings.refresh, settings.steps - done)
        free, optimiser = descend(now, surveyed, count)
        now = now._replace(free=free, optimiser=optimiser, step=now.step + count)
        if first:
            checkpoints.save(checkpoint, fingerprint, history, now)
    return Fit(now.best, np.asarray(now.best_loss), pd.DataFrame(history))


def _select(choice, new, old):
    """Members of `new` where `choice` (members,) is true, of `old` elsewhere."""

    def of_array(a, b):
        return jnp.where(choice.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(of_array, new, old)
