"""What tables and figures show: names, order and meaning of the models, and up to how many sites one by one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BASELINES = ("mean", "1lin", "2lin", "3km27", "gbt", "ann", "lstm")
SEEDED_BASELINES = ("ann", "lstm")
"""Those fitted from several random weights."""
DRAWN_BASELINES = ("ann", "gbt", "lstm", "3km27", "2lin", "1lin")
"""Figures show the first of these that a study has; in the order of their errors in the study `paper`."""
MODEL_LABELS = {name: name for name in BASELINES} | {"bulk": "LaD calibrated"}


FINE_TUNED = "fine_tuned"
"""Name of the network that is trained further at a site, from the one for several."""


def label(model: str) -> str:
    """Readable name; a trained model is called by its key in the settings, which is true whatever it sees."""
    return MODEL_LABELS.get(model, model)


def ordered(models: list[str]) -> list[str]:
    """Known models in the order of `MODEL_LABELS`, then the others by name."""
    return [model for model in MODEL_LABELS if model in models] + sorted(set(models) - set(MODEL_LABELS))


MEANINGS = {
    "mean": "mean flux of the training half-hours",
    "1lin": "linear regression on shortwave radiation",
    "2lin": "linear regression on shortwave radiation and air temperature",
    "3km27": "a linear regression in each of 27 clusters of shortwave radiation, air temperature and humidity",
    "gbt": "gradient boosting; sees antecedent weather",
    "ann": "multilayer perceptron; sees antecedent weather",
    "lstm": "recurrent network; sees the 90 days before",
    "bulk": "LaD with its own equations of LE and H; its physical parameters are calibrated",
}
LAWS = {
    "bulk": "LaD's equations; physical parameters trained",
    "leaf": "LaD's equations with a resistance by leaf area; physical parameters trained",
    "mlp": "LaD; a network gives LE and H",
    "mlp_downgradient": "LaD; a network gives LE and H, H fades out where it would flow from cold to warm",
    "conductance": "LaD; a network gives the conductances of heat and vapour",
    "parameters": "LaD; a network scales resistance and roughness in its equations",
    "residual": "LaD; a network scales the LE and H of its equations",
}
"""Flux law of a trained model → what it is."""


def meaning(model: str, settings: Mapping[str, Any]) -> str:
    """What a model is, in a line; "" if it is not known. `settings`: `models` and `ensembles` of the configuration."""
    if model in settings.get("ensembles", {}):
        return f"weighted mean of {', '.join(settings['ensembles'][model])}"
    if not (own := settings.get("models", {}).get(model)):
        return MEANINGS.get(model, "")
    parts = [LAWS.get(own["law"], f"LaD with the flux law {own['law']}")]
    if own.get("hidden") is not None:
        parts.append(f"sees {', '.join(_seen(own))}")
    if own.get("training", {}).get("pretraining"):
        parts.append("pretrained")
    stores = [f"root_zone of the {own['root_zone']}, if larger"] if own.get("root_zone") else []
    stores += [f"ground_water: {own['ground_water']}"] if own.get("ground_water") else []
    return "; ".join([*parts, *(store.replace("_", " ") for store in stores)])


def _seen(own: Mapping[str, Any]) -> Iterator[str]:
    """What the network of a model sees, from its settings."""
    yield "the weather"
    if states := own["states"]:
        yield f"LaD's {'' if states is True else ' and '.join(states) + ' '}states"
    if days := own.get("antecedents"):
        yield f"antecedent {'weather' if days is True else ' and '.join(days)}"
    if own.get("LAI"):
        yield "leaf area"


MOST_SITES = 4
"""Sites that tables, figures and one page of at most 15 MB show one by one; of more they show how scores spread."""


def too_many(sites: Iterable[str]) -> bool:
    """Whether these are more sites than can be shown one by one; each then has a page of its own."""
    return len(set(sites)) > MOST_SITES
