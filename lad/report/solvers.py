"""What the experiments with solvers found, in words."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lad.evaluation.solvers import NEGLIGIBLE
from lad.report.conclusions import Conclusion
from lad.tables import Cell

SOLVER_WORDS = {
    "learns to correct": "it learns to correct its solver",
    "does not": f"less than {100 * NEGLIGIBLE:.0f} %, it does not",
    "one-sided": "one-sided, an instability and no correction",
    "not significant": "not significant",
}


def solver_conclusions(
    gains: Mapping[str, pd.DataFrame], landscapes: Mapping[str, pd.DataFrame]
) -> list[Conclusion]:
    """What the experiments with solvers found, as far as present.

    Both by site: `gains` of `lad daemons`, `landscapes` of `lad.evaluation.solvers.summary`.
    """
    found = [of_daemons(pd.concat(gains.values(), ignore_index=True))] if gains else []
    return found + ([of_landscapes(landscapes)] if landscapes else [])


def of_daemons(gains: pd.DataFrame) -> Conclusion:
    """Whether networks learn to correct their solvers; `gains` of all sites, from `lad daemons`."""
    items = []
    for r in gains.itertuples():
        text = (
            f"{r.site} {r.target}, {r.one} and {r.other}: {r.gain:+.2f}{_between(r.low, r.high, 'weeks')}"
            f"{_between(r.seeds_low, r.seeds_high, 'seeds')}, least cost {r.least:+.2f}: {SOLVER_WORDS[r.verdict]}"
        )
        items.append(Cell(text, r.gain))
    return Conclusion(
        "Does a network learn to correct the solver that it is trained through? Gain of running with its own over "
        "another, RMSE on the test periods (W m⁻²), and what the least of the changes costs:",
        items,
    )


def _between(low: float, high: float, over: str) -> str:
    return "" if np.isnan(low) else f" ({low:+.2f} … {high:+.2f} over {over})"


def of_landscapes(summaries: Mapping[str, pd.DataFrame]) -> Conclusion:
    """How solvers change the loss along parameters; by site a table of `lad.evaluation.solvers.summary`."""
    items = [
        Cell(f"{site}, {solver}: {'; '.join(_curve(r) for r in rows.itertuples())}")
        for site, summary in summaries.items()
        for solver, rows in summary.groupby("solver", sort=False)
    ]
    return Conclusion(
        "The loss of calibrated LaD along a parameter, by solver: shift of its minimum, error of its derivative in "
        "units of the derivative, both against the most accurate one, and kinks in a hundredth of the range:",
        items,
    )


def _curve(r) -> str:
    """One parameter with one solver."""
    shift = "no minimum" if np.isnan(r.shift_pct) else f"{r.shift_pct:+.2f} %"
    error = "not finite" if np.isnan(r.gradient_error) else f"{r.gradient_error:.3f}"
    return f"{r.parameter} {shift}, {error}, {r.kinks_close:.0f} kinks"
