"""Empirical baselines: what the weather alone says about the fluxes, without a land surface model."""
