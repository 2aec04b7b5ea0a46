"""Energy, soil and water: turbulent heat against the available energy that the tower measured; states."""

from collections.abc import Mapping
from datetime import timedelta

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lad.constants import L_VAPORISATION, T_FREEZE
from lad.evaluation.models import label, ordered
from lad.evaluation.series import Comparison, States, usable_day_means
from lad.figures.style import (
    CELLS,
    COUNTS,
    OBSERVED,
    OF_SEEDS,
    RC,
    colours,
    date_axis,
    density_norm,
    draw_models,
    draw_observed,
    groups,
    legend_below,
)
from lad.observations import TARGETS
from lad.periods import days_with
from lad.towers import closure
from lad.towers.flags import MEASURED

DAYS_MARGIN = 0.03  # around the daily means, of their range
AVAILABLE, TURBULENT = "R$_n$ − G of the tower (W m$^{-2}$)", "LE + H of the tower (W m$^{-2}$)"
BALANCE_LABELS = {  # of the tower and of models, over the same available energy
    "ratio": "Σ(LE + H) of each\n/ Σ(R$_n$ − G) of the tower",
    "slope": "slope of LE + H of each\non R$_n$ − G of the tower",
}
STATE_LABELS = {
    "SoilTemp": "Soil temperature (°C)",
    "RootMoist": "Root-zone water (kg m$^{-2}$)",
    "SoilMoist": "Soil moisture (m$^3$ m$^{-3}$)",
    "SWE": "Snow water (kg m$^{-2}$)",
}
DEEPER = ("#777777", "#AAAAAA", "#CCCCCC")  # sensors, from the second down


def energy_balance(comparison: Comparison, energy: Mapping[str, np.ndarray]) -> Figure:
    """LE + H of the tower against its Rn − G, half-hours and daily means; ratio and slope of tower and models.

    `energy`: Rnet and Qg (n,) W m⁻², positive downward, NaN where the tower did not measure them. All values are
    for half-hours with all four fluxes of the tower; models too are compared with the tower's Rn − G.
    """
    tower = pd.DataFrame({target: comparison.tower(target) for target in TARGETS})
    tower["turbulent"], tower["available"] = tower.LE + tower.H, energy["Rnet"] - energy["Qg"]
    used = tower.notna().all(axis=1).to_numpy()
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(13.5, max(4.2, 1.6 + 0.26 * len(comparison.simulated))))
        figure.suptitle(f"{comparison.title}: energy balance")
        if not used.any():
            figure.text(0.5, 0.5, "no half-hour with R$_n$, G, LE and H of the tower", ha="center")
            return figure
        *clouds, ratio, slope = figure.subplots(1, 4, width_ratios=(1.3, 1.1, 0.7, 0.7))
        _density(figure, clouds[0], tower[used], _balance(tower, energy, used))
        _day_means(clouds[1], usable_day_means(tower, tower.turbulent.where(used)))
        balances = {"observed": [_balance(tower, energy, used)]}
        for model in comparison.models():
            simulated = comparison.simulated[model]
            mean = {target: simulated.mean(target) for target in TARGETS}
            members = [
                {target: simulated.flux[target][k] for target in TARGETS} for k in range(len(simulated.seeds))
            ]
            balances[model] = [_balance(fluxes, energy, used) for fluxes in (mean, *members)]
        for axes, name in ((ratio, "ratio"), (slope, "slope")):
            _numbers(axes, {model: [row[name] for row in rows] for model, rows in balances.items()})
            axes.set_xlabel(BALANCE_LABELS[name])
        slope.tick_params(labelleft=False)
    return figure


def _balance(
    fluxes: Mapping[str, np.ndarray], energy: Mapping[str, np.ndarray], used: np.ndarray
) -> pd.Series:
    """`lad.towers.closure.energy_balance` of the half-hours `used`."""
    values = {name: np.asarray(fluxes[target]) for target, name in TARGETS.items()} | dict(energy)
    flags = dict.fromkeys(values, np.full(len(used), MEASURED))
    return closure.energy_balance(values, flags, {"test": used}).iloc[0]


def _density(figure: Figure, axes: Axes, tower: pd.DataFrame, balance: pd.Series) -> None:
    x, y = tower.available, tower.turbulent
    edges = np.linspace(min(x.min(), y.min()), max(x.max(), y.max()), CELLS + 1)
    counts = np.histogram2d(x, y, edges)[0].T
    cells = np.ma.masked_equal(counts, 0)
    image = axes.pcolormesh(edges, edges, cells, norm=density_norm(counts), cmap=COUNTS, rasterized=True)
    figure.colorbar(image, ax=axes, label="half-hours per cell", pad=0.01)
    _lines(axes, edges[[0, -1]], balance)
    axes.set(title=f"{balance.intervals:.0f} half-hours", xlabel=AVAILABLE, ylabel=TURBULENT)


def _day_means(axes: Axes, days: pd.DataFrame) -> None:
    days = days.dropna()
    axes.set(title=f"means of {len(days)} days", xlabel=AVAILABLE, ylabel=TURBULENT)
    if days.empty:
        return
    axes.plot(days.available, days.turbulent, ".", color=OBSERVED, markersize=4, markeredgewidth=0)
    energy = {"Rnet": days.available.to_numpy(), "Qg": np.zeros(len(days))}
    both = days[["available", "turbulent"]].to_numpy()
    ends = np.array([both.min(), both.max()]) + DAYS_MARGIN * np.ptp(both) * np.array([-1.0, 1.0])
    _lines(axes, ends, _balance(days, energy, np.ones(len(days), dtype=bool)))


def _lines(axes: Axes, ends: np.ndarray, balance: pd.Series) -> None:
    """1:1 line and regression, with the numbers."""
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.plot(ends, balance.intercept + balance.slope * ends, color="#D55E00")
    text = f"ratio {balance.ratio:.2f}\nslope {balance.slope:.2f}\nintercept {balance.intercept:.0f} W m$^{{-2}}$"
    axes.text(0.03, 0.97, text, transform=axes.transAxes, verticalalignment="top")
    axes.set(xlim=ends, ylim=ends)


def _numbers(axes: Axes, values: Mapping[str, list[float]]) -> None:
    """A row for each model: the mean over seeds large, seeds small."""
    palette = {"observed": OBSERVED} | colours([model for model in values if model != "observed"])
    for y, (model, (mean, *members)) in enumerate(values.items()):
        axes.plot(members, np.full(len(members), y), ".", color=palette[model], markersize=3)
        axes.plot(mean, y, "o", color=palette[model], markersize=6)
    axes.axvline(1.0, color="#999999", linewidth=0.8)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_yticks(range(len(values)), [label(model) for model in values])


def soil(comparison: Comparison, sensors: Mapping[str, np.ndarray], states: Mapping[str, States]) -> Figure:
    """Daily means of soil temperature, root-zone water and snow of the models, and of all sensors of the tower.

    `sensors` from `series.read_sensors`, `states` from `series.read_states`, at the half-hours of `comparison`. The
    soil temperature of a model is that of its layer 2; its daily mean is over the half-hours where the shallowest
    sensor measured, if there is one.
    """
    shown, models = groups(list(states)), ordered(list(states))
    wet = [name for name in sensors if name.startswith("SoilMoist")]
    rows = [name for name in STATE_LABELS if name != "SoilMoist" or wet]
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(max(9.0, 1.0 + 5.0 * len(shown)), 1.2 + 2.0 * len(rows)))
        figure.suptitle(f"{comparison.title}: soil and snow, daily means")
        panels = figure.subplots(len(rows), len(shown), sharex=True, sharey="row", squeeze=False)
        for row, name in zip(panels, rows, strict=True):
            for axes, group in zip(row, shown, strict=True):
                own = {sensor: sensors[sensor] for sensor in sensors if sensor.startswith(name)}
                _state(axes, comparison.time, own, {model: states[model] for model in group}, name, models)
            row[0].set_ylabel(STATE_LABELS[name])
        date_axis(panels[-1, 0])
        legend_below(figure, *panels.flat, note=OF_SEEDS)
    return figure


def water(comparison: Comparison, time: np.ndarray, root: Mapping[str, States]) -> Figure:
    """Evaporation of tower and models, summed up over the usable half-hours, and root-zone water over the record.

    `root` are states of models at `time` (n,); the days of `comparison` are shaded.
    """
    shown, models, whole = groups(comparison.models()), comparison.models(), pd.DatetimeIndex(time)
    tower = comparison.tower("LE")
    amount = comparison.step.total_seconds() / L_VAPORISATION  # kg m-2 of a W m-2
    usable = tower.notna()
    measured = _ends_of_days(tower[usable].cumsum() * amount).ffill()
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(max(9.0, 1.0 + 5.0 * len(shown)), 6.5))
        figure.suptitle(f"{comparison.title}: water")
        panels = figure.subplots(2, len(shown), sharex="row", sharey="row", squeeze=False)
        for (above, below), group in zip(panels.T, shown, strict=True):
            evaporated = {
                model: _ends_of_days(comparison.members(model, "LE")[usable].cumsum() * amount).ffill()
                for model in group
            }
            draw_models(above, evaporated, models)
            above.plot(measured.index, measured, color=OBSERVED, linewidth=1.6, label="observed")
            for first, last in days_with(comparison.observed.time):
                below.axvspan(first, last + timedelta(days=1), color="#F0F0F0", zorder=0)
            stored = {
                model: pd.DataFrame(root[model].values["RootMoist"].T, whole, columns=list(root[model].seeds))
                for model in group
                if model in root
            }
            draw_models(below, {model: _ends_of_days(frame) for model, frame in stored.items()}, models)
            date_axis(above)
            date_axis(below)
        panels[0, 0].set_ylabel("Evaporation, sum over\nusable half-hours (kg m$^{-2}$)")
        panels[1, 0].set_ylabel(STATE_LABELS["RootMoist"])
        legend_below(figure, *panels.flat, note=OF_SEEDS)
    return figure


def _ends_of_days(series: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """The last value of each day, NaN on days without one."""
    return series.resample("D").last()


def _state(
    axes: Axes,
    time: pd.DatetimeIndex,
    sensors: Mapping[str, np.ndarray],
    states: Mapping[str, States],
    name: str,
    models: list[str],
) -> None:
    """State `name` of some of the `models` of the figure, and the `sensors` of the same quantity."""
    offset = T_FREEZE if name == "SoilTemp" else 0.0
    measured = {sensor: pd.Series(values - offset, time) for sensor, values in sensors.items()}
    for number, (sensor, series) in enumerate(measured.items()):
        daily = usable_day_means(series.to_frame(), series)[0]
        if number == 0:
            draw_observed(axes, daily, size=4, name="shallowest sensor")
        else:
            axes.plot(
                daily.index,
                daily,
                color=DEEPER[min(number, len(DEEPER)) - 1],
                label=f"sensor {sensor.rpartition('_')[2]}",
            )
    compared = next(iter(measured.values()), pd.Series(0.0, time))
    members = {
        model: pd.DataFrame(state.values[name].T - offset, time, columns=list(state.seeds))
        for model, state in states.items()
        if name in state.values
    }
    draw_models(axes, {model: usable_day_means(frame, compared) for model, frame in members.items()}, models)
