"""Physical constants of LaD (Milly & Shmakin 2002; values of the GFDL land and exchange code).

They differ a little from today's (SIGMA is 5.6704e-8, the triple point 273.16 K serves as the freezing
point); they are kept so that runs can be compared with the original.
"""

T_FREEZE = 273.16  # K, freezing point used by the model
L_VAPORISATION = 2.500e6  # J kg-1
L_FUSION = 3.34e5  # J kg-1
SIGMA = 5.6734e-8  # W m-2 K-4, Stefan-Boltzmann
R_DRY = 287.04  # J kg-1 K-1, gas constant of dry air
R_VAPOUR = 461.50  # J kg-1 K-1, gas constant of water vapour
KAPPA = 2.0 / 7.0  # -, R_DRY / CP_AIR
CP_AIR = R_DRY / KAPPA  # J kg-1 K-1, dry air at constant pressure
GRAVITY = 9.80  # m s-2
VON_KARMAN = 0.40  # -
EPSILON = R_DRY / R_VAPOUR  # -, ratio of molar masses of water and dry air
VIRTUAL = (1.0 - EPSILON) / EPSILON  # -, virtual temperature T (1 + VIRTUAL q)

DAY = 86400  # s
YEAR = 365.25 * DAY
LEAF_AREA = (0.0, 15.0)  # m2 m-2, leaf area index that land can have

ANTECEDENT_DAYS = {"Precip": (1, 3, 10, 30, 90), "SWdown": (1, 10), "Tair": (1, 10), "VPD": (1, 10)}
"""Antecedent weather that networks may see: variable → lengths of its means, in days."""
ANTECEDENTS = tuple(f"{name}_{days}d" for name, lengths in ANTECEDENT_DAYS.items() for days in lengths)
