"""Train two flux laws of your own at a tower, one with a network and one without, and compare them with LaD's.

    python examples/own_flux_law.py results/US-CRT [STEPS]

The folder is that of a site the workflow has run. The figure of mean LE by hour is own_flux_law.png.
"""

import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import pandas as pd

import lad
from lad.fluxes import AbstractFluxes, BulkFluxes, Fluxes, LearntFluxes, Network, supply
from lad.physics.saturation import saturation_specific_humidity
from lad.settings import Descent, ModelSettings


class Conductances(AbstractFluxes):
    """Two conductances (m s-1), for heat and for vapour, that are the same at all times. No network."""

    logarithms: jax.Array = eqx.field(default_factory=lambda: jnp.log(jnp.array([0.02, 0.004])))

    def __call__(self, state, forcing, parameters):
        """H (W m-2) and evaporation (kg m-2 s-1), positive upward; evaporation fades out as the root zone empties."""
        for_heat, for_vapour = 1.2 * jnp.exp(self.logarithms)  # kg m-2 s-1, in air of 1.2 kg m-3
        deficit = saturation_specific_humidity(state.T[0], forcing.Psurf) - forcing.Qair
        H = 1004.6 * for_heat * (state.T[0] - forcing.Tair)
        return Fluxes(H, jnp.zeros_like(H), for_vapour * supply(state) * jnp.maximum(deficit, 0.0))


class Evaporation(LearntFluxes):
    """LaD's own law, its evaporation times a factor of 1/e to e from a network."""

    network: Network
    OUTPUTS = 1

    def __call__(self, state, forcing, parameters):
        """H of LaD, evaporation of LaD times the factor."""
        factor = jnp.exp(jnp.tanh(self.network(state, forcing, parameters)[0]))
        H, from_snow, from_root = BulkFluxes()(state, forcing, parameters)
        return Fluxes(H, factor * from_snow, factor * from_root)


def main(folder: Path, steps: int = 300) -> None:
    """Train, score and plot."""
    forcing, observations = folder / "forcing/forcing.nc", folder / "forcing/observations.nc"
    periods, record = lad.read_periods(folder / "periods/periods.json"), lad.read_record(forcing)
    site = lad.read_site(folder.name, forcing, observations, periods["train"], periods["validation"])
    laws = {"conductances": ModelSettings(law="__main__:Conductances")}
    laws["evaporation"] = ModelSettings(law="__main__:Evaporation", states=True, hidden=(16,))
    runs = {"LaD": lad.simulate(lad.Model(site.reference, BulkFluxes()), record)}
    for name, law in laws.items():
        runs[name] = lad.simulate(lad.train([site], law, Descent(steps=steps), label=name).model(), record)
    scores = lad.evaluate(runs, observations, periods["test"])
    print(scores[["target", "model", "rmse", "bias", "nse", "kge"]])
    print(lad.compare(runs, observations, periods["test"]).query("metric == 'rmse'"))
    lines = {name: run.Qle.groupby("time.hour").mean().to_series() for name, run in runs.items()}
    pd.DataFrame(lines).plot(ylabel="LE, W m-2").figure.savefig("own_flux_law.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
