"""LaD's own flux law: bulk transfer, stomatal resistance and water stress (Milly & Shmakin 2002)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.constants import CP_AIR, R_DRY, T_FREEZE, VIRTUAL
from lad.errors import InputError
from lad.fluxes._base import AbstractFluxes, Fluxes
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.physics.cubic_table import CubicTable
from lad.physics.hydrology import stress
from lad.physics.saturation import saturation_vapour_pressure, specific_humidity
from lad.physics.snow import presence
from lad.physics.turbulence import DragTable, drag, richardson
from lad.state import State

LEAST_LAI = 0.05  # m2 m-2, of land without leaves: soil evaporates too


class BulkFluxes(AbstractFluxes):
    """``H = rho c_p C_H U (T_1 - T_a)`` and ``E = (q_sat(T_1) - q_a) c D/(c + D)``.

    Leaf conductance ``c = rho_s beta / (r_s + (1 - beta) r_a)`` and aerodynamic conductance ``D = rho_a /
    r_a``, ``r_a = 1/(C_H U)``, in series; beta is one over snow and the water stress of the root zone
    elsewhere. Where snow covers part of the surface the two fluxes are mixed by its presence fraction. The
    humidity of the canopy air between the two conductances enters only stability and the surface air
    density, and is diagnosed with the transfer coefficient of a canopy as dry as the air.
    """

    drag: DragTable | None = None  # None: not tabulated, for parameters that change in time
    saturation: CubicTable | None = None  # ln of saturation vapour pressure (Pa) by temperature (K)

    def prepare(self, parameters: Parameters) -> "BulkFluxes":
        """The law with transfer coefficient and saturation vapour pressure tabulated."""
        return type(self)(
            DragTable(parameters.z_ref, parameters.z0, parameters.zh),
            # cells of 1 K, with edges at the kinks of the formula (T_f, T_f - 20 K): relative error below
            # 1e-8
            CubicTable(lambda T: jnp.log(saturation_vapour_pressure(T)), T_FREEZE - 100.0, 1.0, 200),
        )

    def resistance(self, forcing: Forcing, parameters: Parameters) -> Float[Array, "..."]:
        """Stomatal resistance (s m-1) of the whole canopy without water stress."""
        return parameters.rs

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; see the class."""
        p = parameters
        T, T_air, q_air = state.T[0], forcing.Tair, forcing.Qair
        U = jnp.sqrt(forcing.Wind**2 + p.gust**2)
        rho_air = forcing.Psurf / (R_DRY * T_air * (1.0 + VIRTUAL * q_air))
        saturated = jnp.exp(self.saturation(T)) if self.saturation else saturation_vapour_pressure(T)
        transfer = self.drag or (lambda Ri: drag(Ri, p.z_ref, p.z0, p.zh))
        deficit = specific_humidity(saturated, forcing.Psurf) - q_air
        covered = presence(state.snow)
        beta, rs = stress(state.root, p.Wmax), self.resistance(forcing, p)

        def exchange(q_canopy):
            """Aerodynamic conductance (m s-1), sublimation and evaporation for a given canopy humidity."""
            g_a = U * transfer(richardson(T, q_canopy, T_air, q_air, U, p.z_ref))
            rho_surface = forcing.Psurf / (R_DRY * T * (1.0 + VIRTUAL * q_canopy))
            D = rho_air * g_a

            def evaporation(wetness):
                leaf = rho_surface * wetness * g_a / (rs * g_a + 1.0 - wetness)
                return deficit * leaf * D / (leaf + D)

            return g_a, covered * evaporation(1.0), (1.0 - covered) * evaporation(beta)

        def refined(q_canopy, _):
            g_a, E_snow, E_root = exchange(q_canopy)
            return q_air + (E_snow + E_root) / (rho_air * g_a), (g_a, E_snow, E_root)

        # A loop, though of only two rounds: half as much to compile.
        _, rounds = jax.lax.scan(refined, q_air, length=2)
        g_a, E_snow, E_root = (x[-1] for x in rounds)
        return Fluxes(rho_air * CP_AIR * g_a * (T - T_air), E_snow, E_root)


class LeafFluxes(BulkFluxes):
    """LaD's own law with ``r_s / LAI`` in place of ``r_s``, which is then the resistance of a leaf area of one.

    Raises InputError for a forcing without LAI.
    """

    def resistance(self, forcing: Forcing, parameters: Parameters) -> Float[Array, "..."]:
        """Stomatal resistance (s m-1) of the whole canopy without water stress."""
        if forcing.LAI is None:
            raise InputError(
                "the forcing has no LAI, which the law leaf needs: expected a table, the setting lai of the site"
            )
        return parameters.rs / jnp.maximum(forcing.LAI, LEAST_LAI)
