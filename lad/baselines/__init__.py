"""Empirical baselines: what the weather alone tells about the fluxes, without a land surface model."""
