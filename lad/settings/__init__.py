"""The settings: their types, defaults, meanings and checks.

Here are the settings that steps get; `lad.settings.study` has all of config.yaml.
"""

from lad.settings._section import nearest
from lad.settings.learning import Calibration, Descent, LawSettings, ModelSettings, Search, Trainings

__all__ = ["Calibration", "Descent", "LawSettings", "ModelSettings", "Search", "Trainings", "nearest"]
