"""Solvers by name, as settings, options and tables call them: `fast-1`, `explicit-4`, `diffrax`."""

import functools

from lad.errors import InputError
from lad.integrate import adaptive, euler, fast, original
from lad.integrate._split import explicit, split

SCHEMES = {"explicit": explicit, "split": split, "euler": euler, "fast": fast}
"""From coarse to accurate; all take any flux law and conserve energy and water."""


@functools.cache  # a solver of its own for each call would be compiled each time
def named(name: str, with_original: bool = False):
    """The solver `SCHEME-STEPS`, with 1 to 64 steps in a forcing interval, or `diffrax`, which chooses its own.

    `with_original` admits LaD's own operator splitting too, which works only with LaD's own flux law and starts from
    a special state (`lad.integrate.split_state`). Raises InputError for another name.
    """
    if name == "diffrax":
        return adaptive()
    schemes = SCHEMES | ({"original": original} if with_original else {})
    scheme, _, steps = name.partition("-")
    if scheme not in schemes or steps not in map(str, range(1, 65)):
        raise InputError(
            f"integrator {name!r}: expected one of {', '.join(schemes)} with its steps, 1 to 64, as in fast-1,"
            " or diffrax"
        )
    return schemes[scheme](int(steps))
