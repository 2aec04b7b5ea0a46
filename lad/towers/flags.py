"""Quality flags: where a value comes from."""

import numpy as np

FLAGS = {
    -1: "not_known",
    0: "measured",
    1: "filled_good",
    2: "reanalysis_or_filled_medium",
    3: "filled_poor",
    4: "synthesised",
    5: "linear_interpolation",
    6: "climatology",
    101: "derived",
    9: "missing",
}
NOT_KNOWN, MEASURED, GOOD, REANALYSIS, POOR, SYNTHESISED = -1, 0, 1, 2, 3, 4
INTERPOLATED, CLIMATOLOGY, MISSING, DERIVED = 5, 6, 9, 101
OWN_VALUES = (MEASURED, NOT_KNOWN)
"""Flags of the tower's own values: measured, or without a flag in the archive."""


def worst(*flags: np.ndarray) -> np.ndarray:
    """Flag of a quantity derived from several: the greatest, else not known, else measured."""
    high, low = np.max(flags, axis=0), np.min(flags, axis=0)
    return np.where(high > 0, high, low).astype(np.int8)
