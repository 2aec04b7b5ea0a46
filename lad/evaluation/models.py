"""Names and order of the models in tables and figures."""

LABELS = {
    "1lin": "1lin",
    "bulk": "LaD calibrated",
    "mlp_nostate": "hybrid, no states",
    "mlp": "hybrid, states",
}


def label(model: str) -> str:
    """Readable name; a model without one is called by its key."""
    return LABELS.get(model, model)


def ordered(models: list[str]) -> list[str]:
    """Known models in the order of `LABELS`, then the others by name."""
    return [model for model in LABELS if model in models] + sorted(set(models) - set(LABELS))
