"""What tables and figures show: names and order of the models, and up to how many sites one by one."""

from collections.abc import Iterable

BASELINES = ("mean", "1lin", "2lin", "3km27", "gbt", "ann", "lstm")
SEEDED_BASELINES = ("ann", "lstm")
"""Those fitted from several random weights."""
MODEL_LABELS = {name: name for name in BASELINES} | {"bulk": "LaD calibrated"}


FINE_TUNED = "fine_tuned"
"""Name of the network that is trained further at a site, from the one for several."""


def label(model: str) -> str:
    """Readable name; a trained model is called by its key in the settings, which is true whatever it sees."""
    return MODEL_LABELS.get(model, model)


def ordered(models: list[str]) -> list[str]:
    """Known models in the order of `MODEL_LABELS`, then the others by name."""
    return [model for model in MODEL_LABELS if model in models] + sorted(set(models) - set(MODEL_LABELS))


MOST_SITES = 4
"""Sites that tables, figures and one page of at most 15 MB show one by one; of more they show how scores spread."""


def too_many(sites: Iterable[str]) -> bool:
    """Whether these are more sites than can be shown one by one; each then has a page of its own."""
    return len(set(sites)) > MOST_SITES
