"""Training of a hybrid at one site or at many, through the model's differential equations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.fluxes import LAYERS, LearntFluxes
from lad.forcing import rows
from lad.integrate.named import named
from lad.io import write_csv
from lad.model import Model
from lad.settings import Descent, ModelSettings
from lad.training.devices import check_alike
from lad.training.files import remove_checkpoints, save_hybrid
from lad.training.free_run import FreeRuns
from lad.training.hybrid import Hybrid, stacked, training_scaling, untrained_law
from lad.training.loop import fit
from lad.training.pretraining import pretrain
from lad.training.sites import Site

DESCENT = Descent()


class Trained(NamedTuple):
    """Result of a training: the hybrid of each seed, at its lowest validation loss."""

    settings: ModelSettings
    sites: tuple[Site, ...]
    hybrids: tuple[Hybrid, ...]
    validation_loss: np.ndarray  # (seeds,), mean over the sites
    history: pd.DataFrame  # step, member (seed), train_loss, validation_loss

    def model(self, seed: int = 0, site_id: str | None = None) -> Model:
        """The model of a seed at a site, by default the first site."""
        found = [site for site in self.sites if site_id in (None, site.site_id)]
        if not found:
            raise InputError(f"{site_id}: expected one of {', '.join(site.site_id for site in self.sites)}")
        return self.hybrids[seed].at(found[0].anchor)

    def save(self, folder: Path, origin: Mapping[str, Any]) -> None:
        """Write seed0.eqx, seed1.eqx, … and history.csv, with the record of `origin` (`lad.provenance`).

        The checkpoint of the training, which these replace, is removed.
        """
        anchors = {site.site_id: site.anchor for site in self.sites}
        for seed, hybrid in enumerate(self.hybrids):
            about = dict(origin) | {"seed": seed, "validation_loss": float(self.validation_loss[seed])}
            save_hybrid(folder / f"seed{seed}.eqx", hybrid, self.settings, anchors, about)
        write_csv(folder / "history.csv", self.history)
        remove_checkpoints(folder)


def train(
    sites: Sequence[Site],
    model: ModelSettings,
    settings: Descent = DESCENT,
    solver: str = "fast-1",
    *,
    seeds: int = 1,
    begin: Sequence[Hybrid] = (),
    label: str = "train",
    folder: Path | None = None,
    fingerprint: str = "",
) -> Trained:
    """Train `seeds` hybrids with the law of `model`, from different weights, on the measured fluxes of `sites`.

    `begin`, if given, has a hybrid of the same law and scaling for each seed, whose weights training, or pretraining,
    starts from; physical parameters still start from those of the sites.
    Free runs go through `solver`, gradient steps through that of `settings`, if it names one. All seeds are trained at
    once, and all devices and processes share the work. `folder` holds the checkpoint; a call with the same
    `fingerprint` resumes from it. Raises InputError if loss or parameters become non-finite, and for sites that do not
    fit together or whose soil lacks the layers that a network sees.
    """
    scheme = named(solver)
    if not sites:
        raise InputError("no site to train at, expected one or more")
    if model.mapping and settings.gauss_newton:
        raise InputError(
            "mapping and gauss_newton: expected one of them, a mapping takes no Gauss-Newton steps"
        )
    for site in sites:
        layers = site.reference.dz.shape[0]
        if "soil" in model.seen_states and layers != LAYERS:
            raise InputError(
                f"{site.site_id}: {layers} soil layers, expected the {LAYERS} that a network sees"
            )
    if begin:
        laws = [hybrid.law for hybrid in begin]
    else:
        scaling = training_scaling(sites, model)
        laws = [untrained_law(model, scaling, seed) for seed in range(seeds)]
    shift = jnp.zeros(len(sites[0].anchor.space.bounds))
    mapping = jnp.zeros((len(shift), len(model.attributes))) if model.mapping else None
    untrained = [Hybrid(law, shift, mapping) for law in laws]

    def build(free, anchor) -> Model:
        return untrained[0].with_free(free).at(anchor)

    fitted = list(sites)
    if isinstance(laws[0], LearntFluxes):
        # As data, not as constants: sites then share their compiled programs.
        scaling = laws[0].network.scaling
        fitted = [site._replace(anchor=replace(site.anchor, scaling=scaling)) for site in sites]
    runs = FreeRuns(build, fitted, scheme, settings.loss, label, lambda free: free.shift)
    checkpoint = folder / "checkpoint.eqx" if folder else None
    if checkpoint:
        check_alike(checkpoint)
    free = stacked([hybrid.free() for hybrid in untrained])
    if settings.pretraining and isinstance(laws[0], LearntFluxes):
        free = pretrain(free, runs, settings.pretraining)
    found = fit(free, runs, settings, seed=0, checkpoint=checkpoint, fingerprint=fingerprint)
    hybrids = tuple(hybrid.with_free(rows(found.free, n)) for n, hybrid in enumerate(untrained))
    return Trained(model, tuple(sites), hybrids, found.validation_loss, found.history)
