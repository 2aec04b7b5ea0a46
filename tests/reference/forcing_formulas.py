"""Closed-form synthetic forcing used by the reference runs (own formulas, no data).

forcing(name, n) -> array (n, 8): SWd, LWd, rain, snow, Ta, qa, wind, ps
record i covers [i*1800, (i+1)*1800) s and is held constant over it; formulas are evaluated at its midpoint.
"""

import numpy as np

PI2 = 2.0 * np.pi


def qsat_tetens(T, p):
    tc = T - 273.16
    e = 611.0 * np.exp(17.27 * tc / (tc + 237.3))
    return 0.622 * e / (p - 0.378 * e)


CLIM = dict(
    # lat deg, T mean K, annual amp K, diurnal amp K, RH base, p mean, wind base, wet parameters
    temperate=dict(
        lat=45.0,
        Tm=281.0,
        Ta=12.0,
        Td=5.0,
        rh=0.68,
        p0=97500.0,
        u0=2.6,
        per=5.7,
        thr=0.80,
        pmax=2.9e-4,
        season=0.0,
    ),
    semiarid=dict(
        lat=32.0,
        Tm=291.0,
        Ta=9.5,
        Td=8.0,
        rh=0.34,
        p0=87000.0,
        u0=3.2,
        per=8.3,
        thr=0.93,
        pmax=2.0e-4,
        season=0.7,
    ),
    boreal=dict(
        lat=58.0,
        Tm=272.5,
        Ta=17.0,
        Td=4.5,
        rh=0.70,
        p0=99000.0,
        u0=2.4,
        per=6.3,
        thr=0.83,
        pmax=2.5e-4,
        season=0.3,
    ),
)


def forcing(name, n):
    c = CLIM[name]
    i = np.arange(n)
    d = (i + 0.5) / 48.0  # days since start; day 0 = 1 January
    hr = d % 1.0
    cloud = 0.5 + 0.5 * np.sin(PI2 * d / 7.3 + np.sin(PI2 * d / 3.1))
    decl = np.deg2rad(23.45) * np.sin(PI2 * (d - 81.0) / 365.0)
    phi = np.deg2rad(c["lat"])
    mu = np.sin(phi) * np.sin(decl) + np.cos(phi) * np.cos(decl) * np.cos(PI2 * (hr - 0.5))
    mu = np.maximum(mu, 0.0)
    SW = 1361.0 * mu * (0.75 - 0.45 * cloud)
    T = (
        c["Tm"]
        + c["Ta"] * np.sin(PI2 * (d - 110.0) / 365.0)
        + (c["Td"] - 0.5 * c["Td"] * cloud) * np.sin(PI2 * (hr - 0.375))
        + 3.0 * np.sin(PI2 * d / 9.7)
    )
    p = c["p0"] + 600.0 * np.sin(PI2 * d / 6.1)
    rh = np.clip(c["rh"] + 0.20 * (cloud - 0.5) - 0.12 * np.sin(PI2 * (hr - 0.375)), 0.08, 1.0)
    q = rh * qsat_tetens(T, p)
    u = np.maximum(0.3, c["u0"] + 1.3 * np.sin(PI2 * d / 4.3) + 0.9 * np.sin(PI2 * (hr - 0.4)))
    LW = (0.72 + 0.20 * cloud + 0.06 * np.sin(PI2 * (d - 110.0) / 365.0)) * 5.67e-8 * T**4
    s = np.sin(PI2 * d / c["per"] + 2.0 * np.sin(PI2 * d / 31.0))
    seas = 1.0 + c["season"] * np.sin(PI2 * (d - 120.0) / 365.0)
    P = c["pmax"] * seas * np.maximum(0.0, s - c["thr"]) / (1.0 - c["thr"])
    fs = np.clip((274.66 - T) / 2.0, 0.0, 1.0)  # snow fraction of precipitation
    return np.column_stack([SW, LW, P * (1 - fs), P * fs, T, q, u, p])


def unit_forcing(case, n):
    """short single-process cases"""
    i = np.arange(n)
    d = (i + 0.5) / 48.0
    hr = d % 1.0
    day = np.maximum(0.0, np.sin(PI2 * (hr - 0.25)))
    one = np.ones(n)
    if case == "drydown":  # warm, dry, no rain
        SW, T, rh, u = 800.0 * day, 298.0 + 6.0 * np.sin(PI2 * (hr - 0.375)), 0.45, 3.0
        rain, snow, LW = 0 * one, 0 * one, 0.80 * 5.67e-8 * T**4
    elif case == "snow":  # 10 d of snowfall at -8 C, then warming to +10 C
        T = 265.0 + 18.0 / (1.0 + np.exp(-(d - 20.0) / 2.0)) + 3.0 * np.sin(PI2 * (hr - 0.375))
        SW, rh, u, rain = 350.0 * day, 0.75, 3.0, 0 * one
        snow = np.where(d < 10.0, 1.0e-4, 0.0) * one
        LW = 0.82 * 5.67e-8 * T**4
    elif case == "freeze":  # cooling from +5 C to -12 C and back, no precipitation
        T = (
            273.16
            + 5.0
            - 17.0 * np.sin(np.pi * np.minimum(d, 60.0) / 60.0)
            + 2.0 * np.sin(PI2 * (hr - 0.375))
        )
        SW, rh, u = 150.0 * day, 0.7, 2.5
        rain, snow, LW = 0 * one, 0 * one, 0.80 * 5.67e-8 * T**4
    elif case == "saturation":  # bucket nearly full, heavy rain bursts
        SW, T, rh, u = 300.0 * day, 288.0 + 3.0 * np.sin(PI2 * (hr - 0.375)), 0.8, 2.5
        rain = np.where((d % 3.0) < 0.25, 2.0e-3, 0.0) * one
        snow, LW = 0 * one, 0.88 * 5.67e-8 * T**4
    elif case == "recession":  # no rain; only the ground-water store decays
        SW, T, rh, u = 400.0 * day, 285.0 * one, 0.6, 2.0
        rain, snow, LW = 0 * one, 0 * one, 0.80 * 5.67e-8 * T**4
    elif case == "stable_night":  # strong cooling, weak wind: Ri cut-off
        SW, T, rh, u = 0 * one, 283.0 * one, 0.5, 0.3
        rain, snow, LW = 0 * one, 0 * one, 0.66 * 5.67e-8 * T**4
    elif (
        case == "dusting"
    ):  # nearly dry hot ground with brief snow dustings: bone-dry limiter, beta = 1 switch, energy leak
        SW, T, rh, u, rain = 700.0 * day, 282.0 + 6.0 * np.sin(PI2 * (hr - 0.375)), 0.25, 6.0, 0 * one
        snow = np.where((d % 2.0) < 0.0625, 2.0e-5, 0.0) * one
        LW = 0.75 * 5.67e-8 * T**4
    elif case == "calving":  # snow cap of 1000 kg/m2
        SW, T, rh, u, rain = 100.0 * day, 262.0 + 3.0 * np.sin(PI2 * (hr - 0.375)), 0.8, 3.0, 0 * one
        snow = np.where((d % 3.0) < 1.0, 1.0e-4, 0.0) * one
        LW = 0.78 * 5.67e-8 * T**4
    else:
        raise KeyError(case)
    p = 1.0e5 * one
    T = T * one
    q = rh * qsat_tetens(T, p)
    return np.column_stack([SW * one, LW * one, rain, snow, T, q, u * one, p])
