"""Names and order of the models in tables and figures."""

BASELINES = ("mean", "1lin", "2lin", "3km27", "gbt", "ann", "lstm")
SEEDED_BASELINES = ("ann", "lstm")
"""Those fitted from several random weights."""
LABELS = {name: name for name in BASELINES} | {"bulk": "LaD calibrated"}


def label(model: str) -> str:
    """Readable name; a trained model is called by its key in the settings, which is true whatever it sees."""
    return LABELS.get(model, model)


def ordered(models: list[str]) -> list[str]:
    """Known models in the order of `LABELS`, then the others by name."""
    return [model for model in LABELS if model in models] + sorted(set(models) - set(LABELS))
