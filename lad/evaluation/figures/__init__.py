"""Figures of one site: tower and models at the half-hours of the test periods."""

from lad.evaluation.figures._closure import closure
from lad.evaluation.figures._comparison import Comparison
from lad.evaluation.figures._cycles import diurnal, seasonal
from lad.evaluation.figures._scatter import scatter
from lad.evaluation.figures._soil import soil
from lad.evaluation.figures._target import target_diagram, target_point
from lad.evaluation.figures._timeseries import contrasted_weeks, date_axis, timeseries

__all__ = [
    "Comparison",
    "closure",
    "contrasted_weeks",
    "date_axis",
    "diurnal",
    "scatter",
    "seasonal",
    "soil",
    "target_diagram",
    "target_point",
    "timeseries",
]
