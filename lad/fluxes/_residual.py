"""LaD's law times learnt factors."""

from typing import ClassVar

from lad.fluxes._base import Fluxes, LearntFluxes
from lad.fluxes._bulk import BulkFluxes
from lad.fluxes._network import Network, factor
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.state import State

MOST = 8.0  # factor by which the network may raise or lower a flux


class ResidualFluxes(LearntFluxes):
    """H and E of `BulkFluxes`, each times a bounded positive factor: training begins at the calibrated physics."""

    network: Network
    bulk: BulkFluxes = BulkFluxes()
    OUTPUTS: ClassVar[int] = 2

    def prepare(self, parameters: Parameters) -> "ResidualFluxes":
        """The law, with LaD's own prepared."""
        return ResidualFluxes(self.network, self.bulk.prepare(parameters))

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; see the class."""
        by_heat, by_vapour = (factor(x, MOST) for x in self.network(state, forcing, parameters))
        H, E_snow, E_root = self.bulk(state, forcing, parameters)
        return Fluxes(by_heat * H, by_vapour * E_snow, by_vapour * E_root)
