"""Solvers of the model's equations over one forcing interval, and the roll-out over many.

A solver is a function ``(model, state, forcing, dt) -> (state at the end, mean rates)`` for one interval;
whatever it does inside, the two obey ``end - start = dt N mean``.
"""

from lad.integrate._fast import fast
from lad.integrate._original import original, split_state
from lad.integrate._roll_out import Trajectory, roll_out, spin_up

__all__ = ["Trajectory", "fast", "original", "roll_out", "spin_up", "split_state"]
