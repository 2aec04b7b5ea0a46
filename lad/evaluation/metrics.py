"""Scores of a simulated against an observed series: arrays (n,) of one unit, paired by position."""

import numpy as np

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
    if np.ptp(simulated) == 0:
        return float("nan")
    return float(np.corrcoef(simulated, observed)[0, 1])


def kge(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Efficiency 1 − √((r − 1)² + (α − 1)² + (β − 1)²) of Gupta et al. (2009, J. Hydrol. 377, 80–91, eq. 9).

    α = σ_s/σ_o, β = μ_s/μ_o; 1 is perfect. NaN for a constant simulation, as `r`.
    """
    alpha = np.std(simulated) / np.std(observed)
    beta = np.mean(simulated) / np.mean(observed)
    return float(1.0 - np.sqrt((r(simulated, observed) - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2))


METRICS = {"rmse": rmse, "bias": bias, "bias_pct": bias_pct, "nse": nse, "kge": kge, "r": r}


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
    if np.ptp(observed) == 0:
        raise InputError(
            f"{label}: all {observed.size} observed values are {observed[0]:g}, NSE is undefined"
        )
    if np.mean(observed) == 0:
        raise InputError(f"{label}: the observed mean is zero, relative bias and KGE are undefined")
    return {name: metric(simulated, observed) for name, metric in METRICS.items()}
