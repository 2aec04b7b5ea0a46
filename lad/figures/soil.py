"""States of the column in the test period, and what sensors in the soil measured."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lad.constants import T_FREEZE
from lad.evaluation.models import ordered
from lad.evaluation.series import Comparison, usable_day_means
from lad.evaluation.soil import States
from lad.figures.style import OF_SEEDS, RC, date_axis, draw_models, draw_observed, groups, legend_below

STATE_LABELS = {
    "SoilTemp": "Soil temperature (°C)",
    "RootMoist": "Root-zone water (kg m$^{-2}$)",
    "SoilMoist": "Soil moisture (m$^3$ m$^{-3}$)",
    "SWE": "Snow water (kg m$^{-2}$)",
}
DEEPER = ("#777777", "#AAAAAA", "#CCCCCC")  # sensors, from the second down


def soil(comparison: Comparison, sensors: Mapping[str, np.ndarray], states: Mapping[str, States]) -> Figure:
    """Daily means of soil temperature, root-zone water and snow of the models, of all sensors of the tower.

    `sensors` as of `soil.read_sensors`, `states` as of `soil.read_states`, at the half-hours of `comparison`. The soil
    temperature of a model is that of its layer 2, and its daily mean over the half-hours where the shallowest sensor
    measured, if there is one.
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
                _panel(axes, comparison.time, own, {model: states[model] for model in group}, name, models)
            row[0].set_ylabel(STATE_LABELS[name])
        date_axis(panels[-1, 0])
        legend_below(figure, *panels.flat, note=OF_SEEDS)
    return figure


def _panel(
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
