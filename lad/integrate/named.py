"""Solvers by name, as the settings and tables of the experiments with them call them: `fast-1`, `explicit-4`."""

from lad.errors import InputError
from lad.integrate import euler, fast
from lad.integrate._split import explicit, split

SCHEMES = {"explicit": explicit, "split": split, "euler": euler, "fast": fast}
"""From coarse to accurate; all take any flux law and conserve energy and water."""


def named(name: str):
    """The solver `SCHEME-STEPS`; raises InputError for another name."""
    scheme, _, steps = name.partition("-")
    if scheme not in SCHEMES or not steps.isdecimal() or not 1 <= int(steps) <= 64:
        raise InputError(
            f"integrator {name!r}: expected one of {', '.join(SCHEMES)} with its steps, 1 to 64, as in fast-1"
        )
    return SCHEMES[scheme](int(steps))
