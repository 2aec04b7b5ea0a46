"""Metrics, baselines, tables and figures. Knows nothing of how the fluxes were simulated."""
