"""Calibration and training: both fit a model's free parameters to measured fluxes, through its solver."""
