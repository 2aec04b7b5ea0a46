"""Which half-hour and which flux made a gradient step fail."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from lad.errors import InputError
from lad.forcing import rows
from lad.observations import TARGETS


def check_sound(sound: np.ndarray, after: Callable, where: Callable, label: str, done: int) -> None:
    """Raise InputError for the first gradient step whose loss or gradient was not finite, according to `sound`.

    `sound`, bool (steps, members), is for the steps after the first `done`; ``after(count)`` gives the free numbers
    after `count` of them, and ``where(free, step, member)`` the end of the message, from the member's numbers before
    the step.
    """
    if sound.all():
        return
    step, member = (int(x) for x in np.argwhere(~sound)[0])
    place = where(rows(after(step), member), step, member)
    raise InputError(
        f"{label}: loss or gradient of member {member} not finite in step {done + step + 1}, {place}"
    )


def describe_failure(
    window_loss: Callable, free, starts: np.ndarray, length: int, time: np.ndarray
) -> str | None:
    """Flux and half-hour at which the loss of `free`, or its gradient, becomes non-finite, for an error message.

    None if they are finite in every single window.

    ``window_loss(free, rows, counted)`` is the loss of a window of the given `rows` (length,), in which `counted`
    (length, 2) selects what enters of LE and H. The first failing row of each flux is found by bisection: rows from
    the end are replaced by the last one kept, and the failure vanishes with the row that caused it.
    """

    @jax.jit
    def fails(start, rows_counted, column):
        within = jnp.arange(length)
        counted = (within[:, None] < rows_counted) * (jnp.arange(2) == column)
        rows = start + jnp.minimum(within, rows_counted - 1)
        value, gradient = jax.value_and_grad(window_loss)(free, rows, counted)
        sound = jnp.stack([jnp.isfinite(x).all() for x in (value, *jax.tree.leaves(gradient))])
        return ~sound.all()

    found = []
    for start in np.unique(starts):
        for column, target in enumerate(TARGETS):
            if not fails(start, length, column):
                continue
            good, bad = 0, length
            while bad - good > 1:
                middle = (good + bad) // 2
                good, bad = (good, middle) if fails(start, middle, column) else (middle, bad)
            found.append((start + bad - 1, target))
    if not found:
        return None
    row = min(found)[0]
    targets = [target for target in TARGETS if (row, target) in found]
    return f"by {' and '.join(targets)} of {str(time[row])[:16]}"
