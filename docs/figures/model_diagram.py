"""Draw the model: stores, fluxes, forcing, and where the network sits.

    .venv/bin/python docs/figures/model_diagram.py

Writes model.svg beside this file; equal code gives equal bytes.
"""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

WIDTH, HEIGHT = 10.0, 7.3
AIR, STORE, LAW, NETWORK = "#E3EEF7", "#F5E9D3", "#FFFFFF", "#DFF2EA"
HEAT, WATER, KNOWLEDGE = "#D55E00", "#0072B2", "#666666"
LOOK = {"svg.hashsalt": "lad", "font.size": 10}

Point = tuple[float, float]


def box(axes: Axes, corner: Point, size: Point, text: str, colour: str, line: str = "-") -> None:
    """A named box with its lower left `corner`; without text only the frame."""
    round_box = "round,pad=0,rounding_size=0.08"
    look = {"facecolor": colour, "edgecolor": "#444444", "linestyle": line}
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=round_box, **look))
    middle = corner[0] + size[0] / 2, corner[1] + size[1] / 2
    axes.text(*middle, text, ha="center", va="center", linespacing=1.4)


def arrow(axes: Axes, start: Point, end: Point, colour: str, line: str = "-", style: str = "-|>") -> None:
    """A flux, or with a dashed line what the network knows."""
    look = {"arrowstyle": style, "mutation_scale": 13, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.5}
    axes.add_patch(FancyArrowPatch(start, end, color=colour, linestyle=line, **look))


def note(axes: Axes, place: Point, text: str, colour: str, align: str = "left") -> None:
    """Name of a flux, left or right of it."""
    axes.text(*place, text, color=colour, fontsize=9, ha=align, va="center", linespacing=1.3)


def draw(axes: Axes) -> None:
    """All boxes, then the fluxes of water, those of heat, and what the network sees."""
    forcing = "forcing: SWdown, LWdown, Tair, Qair, Psurf, Wind, Rainf, Snowf"
    box(axes, (0.3, 6.45), (9.4, 0.6), forcing, AIR)
    box(axes, (3.4, 3.75), (3.2, 1.75), "", LAW)
    note(axes, (5.0, 5.25), "flux law: $H$, $E_{snow}$, $E_{root}$", "black", "center")
    box(
        axes,
        (3.6, 3.9),
        (2.8, 1.05),
        "network of the hybrids, trained\nthrough the time loop;\nelse LaD's own law",
        NETWORK,
        "--",
    )
    box(axes, (1.2, 3.0), (1.7, 0.75), "snow $W_s$", STORE)
    box(axes, (0.3, 1.35), (2.6, 0.85), "root zone $W_r$\nup to $W_{max}$", STORE)
    box(axes, (0.3, 0.15), (2.6, 0.6), "ground water $W_g$", STORE)
    for bottom, text in (
        (3.0, "soil $T_1$, the surface"),
        (1.85, "$T_2$"),
        (1.0, "$T_3$"),
        (0.15, "$T_4$ … $T_n$"),
    ):
        box(axes, (7.1, bottom), (2.6, 0.75 if bottom == 3.0 else 0.55), text, STORE)

    arrow(axes, (0.7, 6.45), (0.7, 2.2), WATER)
    note(axes, (0.78, 5.9), "rain", WATER)
    arrow(axes, (2.05, 6.45), (2.05, 3.75), WATER)
    note(axes, (2.13, 5.9), "snowfall", WATER)
    arrow(axes, (2.05, 3.0), (2.05, 2.2), WATER)
    note(axes, (2.13, 2.6), "melt", WATER)
    arrow(axes, (1.6, 1.35), (1.6, 0.75), WATER)
    note(axes, (1.68, 1.05), "drainage", WATER)
    arrow(axes, (2.9, 0.45), (3.9, 0.45), WATER)
    note(axes, (3.98, 0.45), "discharge", WATER)
    arrow(axes, (2.9, 3.6), (3.4, 4.1), WATER)
    note(axes, (3.05, 4.05), "$E_{snow}$", WATER, "right")
    arrow(axes, (2.9, 1.9), (4.2, 3.75), WATER)
    note(axes, (3.55, 2.5), "$E_{root}$", WATER)
    arrow(axes, (4.3, 5.5), (4.3, 6.45), WATER)
    note(axes, (4.22, 5.95), "$E$", WATER, "right")

    arrow(axes, (8.9, 6.45), (8.9, 3.75), HEAT)
    note(axes, (8.82, 5.9), "net radiation", HEAT, "right")
    arrow(axes, (7.1, 3.6), (6.6, 4.1), HEAT)
    note(axes, (6.98, 4.05), "$H + LE$", HEAT)
    arrow(axes, (5.7, 5.5), (5.7, 6.45), HEAT)
    note(axes, (5.78, 5.95), "$H + LE$", HEAT)
    arrow(axes, (7.1, 3.2), (2.9, 3.2), HEAT)
    note(axes, (5.9, 3.38), "heat of melt", HEAT, "center")
    for top, bottom, name in ((3.0, 2.4, "$G_1$"), (1.85, 1.55, "$G_2$"), (1.0, 0.7, "")):
        arrow(axes, (8.4, top), (8.4, bottom), HEAT, style="<|-|>")
        note(axes, (8.55, 0.5 * (top + bottom)), name, HEAT)

    arrow(axes, (5.0, 6.45), (5.0, 5.5), KNOWLEDGE, "--")
    note(axes, (5.06, 5.95), "sees", KNOWLEDGE)
    arrow(axes, (5.0, 2.1), (5.0, 3.75), KNOWLEDGE, "--")
    note(axes, (5.06, 2.5), "sees as set:\nsoil temperatures,\nroot zone, snow", KNOWLEDGE)


def main() -> None:
    """Write the diagram."""
    with matplotlib.rc_context(LOOK):
        figure = Figure(figsize=(WIDTH, HEIGHT))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.axis("off")
        draw(axes)
        path = Path(__file__).with_name("model.svg")
        figure.savefig(path, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
