"""Scores of a simulated against an observed series: arrays (n,) of one unit, paired by position."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.stats import kurtosis, skew

from lad.errors import InputError


def rmse(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Root mean square error √(Σ(s − o)²/n), in the unit of the series; 0 is perfect."""
    return float(np.sqrt(np.mean((simulated - observed) ** 2)))


def bias(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Mean of simulated minus observed, in the unit of the series; positive if the simulation is high."""
    return float(np.mean(simulated - observed))


def bias_pct(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Bias in percent of the absolute value of the observed mean, so that its sign is that of the bias."""
    return 100.0 * bias(simulated, observed) / abs(float(np.mean(observed)))


def nse(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Efficiency 1 − Σ(s − o)²/Σ(o − ō)² of Nash & Sutcliffe (1970, J. Hydrol. 10, 282–290, eq. 3).

    1 is perfect, 0 is as good as the observed mean.
    """
    return float(1.0 - np.sum((simulated - observed) ** 2) / np.sum((observed - np.mean(observed)) ** 2))


def r(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Pearson's correlation coefficient; NaN for a constant simulation, for which it is not defined."""
    if _is_constant(simulated):
        return float("nan")
    return float(np.corrcoef(simulated, observed)[0, 1])


def kge(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Efficiency 1 − √((r − 1)² + (α − 1)² + (β − 1)²) of Gupta et al. (2009, J. Hydrol. 377, 80–91, eq. 9).

    α = σ_s/σ_o, β = μ_s/μ_o; 1 is perfect. NaN for a constant simulation, as `r`.
    """
    alpha = np.std(simulated) / np.std(observed)
    beta = np.mean(simulated) / np.mean(observed)
    return float(1.0 - np.sqrt((r(simulated, observed) - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2))


def kge_2012(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Efficiency 1 − √((r − 1)² + (γ − 1)² + (β − 1)²) of Kling et al. (2012, J. Hydrol. 424–425, 264–277, eq. 1).

    γ = (σ_s/μ_s)/(σ_o/μ_o), β = μ_s/μ_o; 1 is perfect. NaN for a constant simulation and for one of mean zero.
    """
    beta = np.mean(simulated) / np.mean(observed)
    gamma = _ratio(np.std(simulated) / np.std(observed), beta)
    return float(1.0 - np.sqrt((r(simulated, observed) - 1) ** 2 + (gamma - 1) ** 2 + (beta - 1) ** 2))


def kge_2021(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Efficiency KGE″ = 1 − √((r − 1)² + (α − 1)² + β²) of Tang et al. (2021, J. Climate 34, 6493–6511).

    α = σ_s/σ_o, β = (μ_s − μ_o)/σ_o: unlike the others it stays meaningful for a mean near zero. 1 is perfect. NaN
    for a constant simulation.
    """
    alpha, beta = np.std(simulated) / np.std(observed), bias(simulated, observed) / np.std(observed)
    return float(1.0 - np.sqrt((r(simulated, observed) - 1) ** 2 + (alpha - 1) ** 2 + beta**2))


def nme(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Normalised mean error Σ|s − o|/Σ|o − ō| of PLUMBER (Best et al. 2015, J. Hydrometeorol. 16, 1425–1442).

    0 is perfect, 1 is as good as the observed mean.
    """
    return float(np.sum(np.abs(simulated - observed)) / np.sum(np.abs(observed - np.mean(observed))))


def sd_diff(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Difference of the standard deviations |1 − σ_s/σ_o| of PLUMBER, as `nme`; 0 is perfect."""
    return abs(1.0 - float(np.std(simulated) / np.std(observed)))


def p5_diff(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Difference of the 5th percentiles |P5_s − P5_o| of PLUMBER, as `nme`, in the unit of the series."""
    return abs(float(np.quantile(simulated, 0.05) - np.quantile(observed, 0.05)))


def p95_diff(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Difference of the 95th percentiles |P95_s − P95_o| of PLUMBER, as `nme`, in the unit of the series."""
    return abs(float(np.quantile(simulated, 0.95) - np.quantile(observed, 0.95)))


def skewness_diff(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Difference of the skewness |1 − S_s/S_o| of PLUMBER, as `nme`, S = Σ(x − x̄)³/(nσ³); 0 is perfect.

    NaN for a constant simulation and for observations without skewness.
    """
    return _moment_diff(skew, simulated, observed)


def kurtosis_diff(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Difference of the kurtosis |1 − K_s/K_o| of PLUMBER, as `nme`, K = Σ(x − x̄)⁴/(nσ⁴), which is 3 if normal.

    0 is perfect; NaN for a constant simulation.
    """
    return _moment_diff(partial(kurtosis, fisher=False), simulated, observed)


def overlap(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Overlap of the histograms Σ min(n_s, n_o)/n of PLUMBER, as `nme`, n_s and n_o the values in each bin.

    After Perkins et al. (2007, J. Climate 20, 4356–4376). 1 is perfect, 0 no overlap. The bins follow from the
    observations alone (Scott 1979, Biometrika 66, 605–610): simulated values beyond their range do not overlap.
    """
    bins = np.histogram_bin_edges(observed, "scott")
    shared = np.minimum(np.histogram(simulated, bins)[0], np.histogram(observed, bins)[0])
    return float(np.sum(shared) / observed.size)


def _is_constant(series: np.ndarray) -> bool:
    """Whether the values differ by no more than the rounding of a mean of equal ones."""
    return bool(np.ptp(series) <= 1e-12 * np.max(np.abs(series)))


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")


def _moment_diff(moment: Callable[[np.ndarray], float], simulated: np.ndarray, observed: np.ndarray) -> float:
    if _is_constant(simulated):
        return float("nan")
    return abs(1.0 - _ratio(float(moment(simulated)), float(moment(observed))))


METRICS = {
    "rmse": rmse,
    "bias": bias,
    "bias_pct": bias_pct,
    "nse": nse,
    "kge": kge,
    "r": r,
    "kge_2012": kge_2012,
    "kge_2021": kge_2021,
    "nme": nme,
    "sd_diff": sd_diff,
    "p5_diff": p5_diff,
    "p95_diff": p95_diff,
    "skewness_diff": skewness_diff,
    "kurtosis_diff": kurtosis_diff,
    "overlap": overlap,
}

MORE, LESS, NEITHER = 1, -1, 0
BETTER = dict.fromkeys(METRICS, LESS) | {
    "abs_bias": LESS,
    **dict.fromkeys(("bias", "bias_pct"), NEITHER),
    **dict.fromkeys(("nse", "kge", "r", "kge_2012", "kge_2021", "overlap"), MORE),
}
"""Score → sign of a difference that is a gain; `NEITHER` for signed scores, which are best at 0. `abs_bias` is the size
of the bias."""


def all_metrics(simulated: np.ndarray, observed: np.ndarray, label: str) -> dict[str, float]:
    """Every metric by its name; raises InputError beginning with `label` where the scores are not defined."""
    if simulated.shape != observed.shape:
        raise InputError(f"{label}: {simulated.shape} simulated for {observed.shape} observed values")
    if observed.size == 0:
        raise InputError(f"{label}: no usable half-hour, expected at least two")
    for name, series in (("simulated", simulated), ("observed", observed)):
        broken = np.flatnonzero(~np.isfinite(series))
        if broken.size:
            raise InputError(f"{label}: {broken.size} of {series.size} {name} values are not finite")
    if _is_constant(observed):
        raise InputError(
            f"{label}: all {observed.size} observed values are {observed[0]:g}, NSE is undefined"
        )
    if np.mean(observed) == 0:
        raise InputError(f"{label}: the observed mean is zero, relative bias and KGE are undefined")
    return metrics_where_defined(simulated, observed, fewest=1)


def metrics_where_defined(simulated: np.ndarray, observed: np.ndarray, fewest: int) -> dict[str, float]:
    """`all_metrics` of finite series, all NaN for fewer than `fewest` values and for observations that do not vary."""
    if observed.size < fewest or _is_constant(observed) or np.mean(observed) == 0:
        return dict.fromkeys(METRICS, float("nan"))
    return {name: metric(simulated, observed) for name, metric in METRICS.items()}
