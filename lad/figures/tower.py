"""Pictures of a tower's record: what was measured and how the rest was filled, and the forcing itself."""

import matplotlib
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lad.figures.style import RC
from lad.mass_curve import RETURN_YEARS, MassCurve
from lad.towers.flags import FLAGS
from lad.towers.record import Record
from lad.towers.variables import FLUXES, FORCING

# Own values dark, good fills blue to green, guesses yellow to red, missing white.
ORIGIN_COLOURS = {
    -1: "#5A5A5A",
    0: "#000000",
    1: "#56B4E9",
    2: "#009E73",
    3: "#CC79A7",
    4: "#E69F00",
    5: "#0072B2",
    6: "#F0E442",
    101: "#B5651D",
    9: "#FFFFFF",
}


def origins(filled: Record) -> Figure:
    """For each variable and year the days (across) and hours (down), coloured by the origin of the value."""
    names = [name for name in FORCING | FLUXES if name in filled.values]
    years = np.unique(filled.values.index.year)
    order = {code: number for number, code in enumerate(FLAGS)}
    colours = ListedColormap([ORIGIN_COLOURS[code] for code in FLAGS])
    norm = BoundaryNorm(np.arange(len(FLAGS) + 1) - 0.5, len(FLAGS))
    with matplotlib.rc_context(RC | {"axes.grid": False}):
        width = 1.5 + 1.6 * max(len(years), 3)
        figure = Figure(figsize=(width, 0.6 * len(names) + 1.4))
        grid = figure.subplots(len(names), len(years), sharex=True, sharey=True, squeeze=False)
        for row, name in zip(grid, names, strict=True):
            for axes, year in zip(row, years, strict=True):
                axes.imshow(
                    _raster(filled.flags[name], int(year), filled.step, order),
                    aspect="auto",
                    cmap=colours,
                    norm=norm,
                    extent=(0, 366, 24, 0),
                    interpolation="nearest",
                )
                axes.set(xticks=[], yticks=[])
            row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axes, year in zip(grid[0], years, strict=True):
            axes.set_title(str(year))
        used = [code for code in FLAGS if (filled.flags[names] == code).any(axis=None)]
        patches = [
            Patch(facecolor=ORIGIN_COLOURS[code], edgecolor="#999999", label=FLAGS[code]) for code in used
        ]
        figure.legend(handles=patches, loc="outside lower center", ncols=int(width / 2.1))
        figure.suptitle(f"{filled.site.site_id}: origin of each value (days across, 0 to 24 h down)")
    return figure


def mass_curve_figure(curve: MassCurve, title: str) -> Figure:
    """Deficit of the root zone in the training periods, the largest of each year, and the capacity from these."""
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(8, 3.2))
        axes = figure.subplots()
        for year, part in curve.deficit.groupby(curve.year):
            axes.plot(part, color="#0072B2")
            if year in curve.largest.index:
                axes.plot(part.idxmax(), part.max(), "o", color="#D55E00")
        axes.axhline(curve.capacity, color="#D55E00", linestyle="--")
        axes.set_ylabel("evaporation less precipitation (kg m$^{-2}$)")
        level = f"{curve.capacity:.0f} kg m$^{{-2}}$, exceeded once in {RETURN_YEARS:.0f} years"
        axes.set_title(f"dots: largest of a year; dashed: {level}")
        figure.suptitle(title)
    return figure


def _raster(flags: pd.Series, year: int, step: int, order: dict[int, int]) -> np.ndarray:
    """Numbers of the kinds (steps of a day, 366 days) of one year; days without a row are NaN."""
    part = flags[flags.index.year == year]
    raster = np.full((86400 // step, 366), np.nan)
    seconds = part.index.hour * 3600 + part.index.minute * 60
    raster[seconds // step, part.index.day_of_year - 1] = part.map(order)
    return raster


def weather(forcing: xr.Dataset, title: str) -> Figure:
    """Daily means of the forcing over the record, and the mean diurnal cycle of winter and summer."""
    names = [name for name in forcing.data_vars if f"{name}_qc" in forcing]
    frame = forcing[names].to_dataframe()[names]
    segment = forcing["segment"].to_series()
    seasons = {"Dec to Feb": (12, 1, 2), "Jun to Aug": (6, 7, 8)}
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 1.35 * len(names) + 0.6))
        grid = figure.subplots(len(names), 2, width_ratios=(4, 1), squeeze=False)
        for (line, cycle), name in zip(grid, names, strict=True):
            units = forcing[name].attrs["units"]
            scale, units = (86400.0, "mm d-1") if units == "kg m-2 s-1" else (1.0, units)
            for _, part in (scale * frame[name]).groupby(segment):
                line.plot(part.resample("D").mean(), color="#0072B2", linewidth=0.7)
            line.set_ylabel(f"{name}\n({units})")
            for (season, months), colour in zip(seasons.items(), ("#0072B2", "#D55E00"), strict=True):
                part = scale * frame[name][frame.index.month.isin(months)]
                mean = part.groupby(part.index.hour + part.index.minute / 60.0).mean()
                cycle.plot(mean, color=colour, label=season)
            cycle.set(xlim=(0, 24), xticks=(0, 6, 12, 18, 24))
        grid[0, 1].legend(fontsize=7)
        grid[-1, 1].set_xlabel("local standard time (h)")
        grid[0, 0].set_title("daily means")
        grid[0, 1].set_title("mean diurnal cycle")
        figure.suptitle(title)
    return figure
