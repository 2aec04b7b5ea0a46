"""Tables of the experiments with solvers: every training run with every solver, and the loss along parameters."""

import pandas as pd

from lad.evaluation.bootstrap import FEWEST_WEEKS
from lad.evaluation.scores import ENSEMBLE
from lad.evaluation.solvers import LANDSCAPE_POINTS, NEGLIGIBLE, REFERENCE_SOLVER
from lad.tables import Table

FEW_WEEKS, ONE_SEED = f"under {FEWEST_WEEKS} weeks", "one seed"  # in place of an interval
CROSSED_NOTE = (
    "RMSE (W m⁻²) and NSE of the mean over seeds, on the test periods; "
    "in brackets the range of NSE over seeds."
)
SOLVER_GAINS_NOTE = (
    "Gain: by how much RMSE (W m⁻²) is lower where two networks run with the solvers they were trained with than "
    "where they swap them; 95 % intervals. It is the mean of four costs: of training with the other solver, for "
    "runs with either solver, and of running with the other solver, for either network. The network "
    f"learns to correct if the least of these four costs is {100 * NEGLIGIBLE:.0f} % of the RMSE or more, with both "
    "intervals above zero; it does not if both intervals of the gain end below that. A significant gain without such "
    "a cost is one-sided: a solver is unstable with networks that were not trained through it."
)
LANDSCAPE_NOTE = (
    f"minimum: value at the lowest loss, and its shift from that of {REFERENCE_SOLVER}. kinks: changes of sign of the "
    f"second difference over {LANDSCAPE_POINTS} points, in a wide range and a hundredth of it. autodiff: largest "
    "difference of derivatives by autodiff from finite differences of the solver's own loss; gradient: rms "
    f"difference from those of {REFERENCE_SOLVER}, both in units of the rms derivative."
)


def crossed_tables(scores: pd.DataFrame) -> list[str | Table]:
    """The scores of `lad daemons`: for each target training solvers in rows, run solvers in columns."""
    parts = [CROSSED_NOTE]
    for (site, target), rows in scores.groupby(["site", "target"], sort=False):
        cells = {}
        for (trained, run), pair in rows.groupby(["trained_with", "run_with"], sort=False):
            mean, nse = pair[pair.seed == ENSEMBLE].iloc[0], pair[pair.seed != ENSEMBLE].nse
            text = f"{mean.rmse:.2f}, {mean.nse:.3f} ({nse.min():.3f} … {nse.max():.3f})"
            cells.setdefault(trained, {})[f"run with {run}"] = text
        frame = pd.DataFrame.from_dict(cells, orient="index").rename_axis("trained with").reset_index()
        parts.append(Table.of(frame, f"{site}, {target}"))
    return parts


def solver_gains_tables(gains: pd.DataFrame) -> list[str | Table]:
    """Whether networks learn to correct their solver: the gains of `lad daemons`."""
    columns = ["site", "flux", "one", "other", "gain", "over weeks", "over seeds", "in one", "in other"]
    columns += ["least cost", "its weeks", "its seeds", "the network"]
    lines = [
        [
            *(row.site, row.target, row.one, row.other, f"{row.gain:+.3f}"),
            _between(row.low, row.high, FEW_WEEKS),
            _between(row.seeds_low, row.seeds_high, ONE_SEED),
            *(f"{cost:+.3f}" for cost in (row.in_one, row.in_other, row.least)),
            _between(row.least_low, row.least_high, FEW_WEEKS),
            _between(row.least_seeds_low, row.least_seeds_high, ONE_SEED),
            row.verdict,
        ]
        for row in gains.itertuples()
    ]
    title = "Does the network learn to correct its solver?"
    return [Table.of(pd.DataFrame(lines, columns=columns), title, SOLVER_GAINS_NOTE)]


def _between(low: float, high: float, otherwise: str) -> str:
    """An interval, or why there is none."""
    return otherwise if pd.isna(low) else f"{low:+.3f} … {high:+.3f}"


def landscape_tables(summary: pd.DataFrame) -> list[str | Table]:
    """`lad.evaluation.solvers.summary`."""
    forms = {"minimum": "{:.4g}", "shift_pct": "{:+.2f}", "kinks_wide": "{:.0f}", "kinks_close": "{:.0f}"}
    forms |= {"autodiff_error": "{:.1e}", "gradient_error": "{:.3f}"}
    texts = {
        name: summary[name].map(lambda x, form=form: "-" if pd.isna(x) else form.format(x))
        for name, form in forms.items()
    }
    frame = summary[["parameter", "solver"]].assign(**texts)
    headings = ["parameter", "solver", "minimum", "shift %", "kinks", "close", "autodiff", "gradient"]
    return [LANDSCAPE_NOTE, Table.of(frame.set_axis(headings, axis=1), "")]
