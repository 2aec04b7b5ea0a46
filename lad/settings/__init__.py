"""The settings: their types, defaults and meaning, and what is refused of them.

Here are those that steps get; `lad.settings.study` has the whole of config.yaml.
"""

from lad.settings._section import nearest
from lad.settings.learning import Calibration, Descent, LawSettings, ModelSettings, Search, Trainings

__all__ = ["Calibration", "Descent", "LawSettings", "ModelSettings", "Search", "Trainings", "nearest"]
