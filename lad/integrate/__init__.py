"""Solvers of the model's equations over one forcing interval, and the roll-out over many.

A solver is a function of the (prepared) model and the length dt of the intervals. It computes once what does not
change in time, and returns a function ``(state, forcing) -> (state at the end, mean rates)`` for one interval.
In every solver these obey ``end - start = dt N mean``.
"""

from lad.integrate._fast import euler, fast
from lad.integrate._original import original, split_state
from lad.integrate._roll_out import Trajectory, packed, roll_out
from lad.integrate._spin_up import recurrences, spin_up


def adaptive(rtol: float = 1e-6, atol: float = 1e-6, method: str = "Kvaerno5"):
    """The adaptive reference solver, see `lad.integrate._diffrax`, which takes seconds to import."""
    from lad.integrate._diffrax import adaptive

    return adaptive(rtol, atol, method)


__all__ = [
    "Trajectory",
    "adaptive",
    "euler",
    "fast",
    "original",
    "packed",
    "recurrences",
    "roll_out",
    "spin_up",
    "split_state",
]
