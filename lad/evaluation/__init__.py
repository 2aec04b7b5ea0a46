"""Metrics, tables and figures. Knows nothing of how the fluxes were simulated."""
