"""netCDF files of towers: quality flags of many vocabularies, names, units, values that only look measured."""

import numpy as np
import pytest
import xarray as xr
from archives import CRT, alma_pair

from lad.errors import InputError
from lad.towers.flags import (
    CLIMATOLOGY,
    DERIVED,
    GOOD,
    MEASURED,
    MISSING,
    NOT_KNOWN,
    POOR,
    REANALYSIS,
    SYNTHESISED,
)
from lad.towers.meteorology import (
    STEFAN_BOLTZMANN,
    longwave_by_humidity,
    pressure,
    saturation,
    vapour_pressure,
)
from lad.towers.readers import read_archive
from lad.towers.vocabulary import synthetic, translate, vocabulary

PLUMBER2 = {0: MEASURED, 1: GOOD, 2: REANALYSIS, 3: POOR, 4: REANALYSIS, 5: CLIMATOLOGY, 101: DERIVED}
INVERTED = {1: MEASURED, 0: POOR}
PLAIN = {0: MEASURED, 1: POOR}
TEXTS = {
    "Measured: 0, Good-quality gapfilling: 1, Medium-quality gapfilling: 2, Poor-quality gapfilling: 3, ERA-Interim "
    "gapfilling: 4, Statistical gapfilling: 5, Post-processed: 101": PLUMBER2,
    "Measured: 0, Measured: 10, Missing in L1: 1, Filled by ANN (SOLO): 30, Gap filled by climatology: 40": {
        0: MEASURED, 10: MEASURED, 1: MISSING, 30: POOR, 40: CLIMATOLOGY,
    },
    "Measured: 0, 10, Gap-filled: 30-32, 100": {0: MEASURED, 10: MEASURED, 30: POOR, 31: POOR, 32: POOR, 100: POOR},
    "0, 10: measured; 30, 100: gap-filled": {0: MEASURED, 10: MEASURED, 30: POOR, 100: POOR},
    "0: observed, 1: gapfilled_from_obs, 2: gapfilled_derived_from_era5, 3:missing": {
        0: MEASURED, 1: POOR, 2: REANALYSIS, 3: MISSING,
    },
    "0 measured (source qcOK = 1: measured, or filled with good confidence), 1 gap-filled (source qcOK = 0)": PLAIN,
    "1 - ok, 0 - ??": {1: MEASURED},
    "0 - ??, 1 - ok": {1: MEASURED},
    "measured: 1, gapfilled: 0": INVERTED,
    "1 = measured; 0 = gap-filled or missing": INVERTED,
    "0 = filled, 1 = not gap-filled": INVERTED,
    "measured (0), filled (1)": PLAIN,
    "(0) measured (1) filled": PLAIN,
    "{0: 'measured', 1: 'filled'}": PLAIN,
    "Quality of measured fluxes: 0 original, 1 filled": PLAIN,
    "0=original data\n1=gap filled\n-9999=missing": PLAIN | {-9999: MISSING},
    "Measured: 0, Gapfilled: 1. See Ukkola et al.": PLAIN,
    "0: measured; 1: good quality; 2: medium quality; 3: poor quality": {0: MEASURED, 1: GOOD, 2: POOR, 3: POOR},
    "0 best, 1 suspect, 2 bad": {0: MEASURED, 1: POOR, 2: MISSING},
    "0: not measured, 1: measured": INVERTED,
    "A: 0, B: 1": {},
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_explanations_in_many_forms(text):
    for own, whole in (({"flag_meanings": text}, {}), ({}, {"QC_flag_descriptions": text})):
        attrs = {"units": "1", "long_name": "Qle quality control flag", "Fluxnet_name": "LE_F_MDS_QC"} | own
        assert (
            vocabulary([attrs, {"Gap-filled_%": 12.9}, {"version": "1-3"} | whole], "Qle_qc") == TEXTS[text]
        )


@pytest.mark.parametrize("values", [np.array([7, 3], dtype=np.int8), "7, 3", "7b, 3b"])
@pytest.mark.parametrize("meanings", ["observed gap_filled", "observed,gap filled"])
def test_flag_values_of_cf(values, meanings):
    attrs = {"flag_values": values, "flag_meanings": meanings}
    assert vocabulary([attrs, {}, {}], "Qle_qc") == {7: MEASURED, 3: POOR}


def test_what_explains_nothing():
    assert vocabulary([{"long_name": "quality"}, {}, {"thresholds": "missing: 3"}], "Qle_qc") is None
    assert (
        vocabulary([{"flag_masks": np.array([1, 2]), "flag_meanings": "measured filled"}, {}, {}], "Qle_qc")
        == {}
    )
    assert (
        vocabulary([{"flag_values": "0, 1, 2", "flag_meanings": "measured filled"}, {}, {}], "Qle_qc") == {}
    )
    assert vocabulary([{}, {}, {}], "Qle_qcOK") == INVERTED


def test_unexplained_flags_are_never_usable_and_named():
    stated = np.array([0.0, 7.0, 7.0, np.nan, 0.5, 9.0])
    there = np.array([True] * 5 + [False])
    flags, odd = translate(stated, {0: MEASURED}, there)
    assert flags.tolist() == [MEASURED] + 5 * [POOR] and odd == "0.5 (1), 7 (2), none (1)"
    flags, odd = translate(np.full(3, np.nan), {0: MEASURED}, there[:3])
    assert (flags == NOT_KNOWN).all() and odd == ""


def altered(path, change):
    with xr.open_dataset(path) as dataset:
        dataset = change(dataset.load())
    dataset.to_netcdf(path)
    return path


def test_flags_of_the_file_in_the_table(tmp_path):
    path = alma_pair(tmp_path, days=5)[1]
    values = read_archive(path, "US-CRT").values
    theirs = np.resize([0, 10, 30, 40, 77, np.nan, 1], len(values))[:, None, None].astype(np.float32)

    def change(dataset):
        dataset["Qle_qc"] = (("time", "y", "x"), theirs)
        dataset["Qh_quality"] = (("time", "y", "x"), theirs)  # no name of flags
        text = "Measured: 0, Measured: 10, Missing: 1, Filled by SOLO: 30, Filled by climatology: 40"
        return dataset.drop_vars("Qh_qc").assign_attrs(QC_flag_descriptions=text)

    table = read_archive(altered(path, change), "US-CRT")
    expected = np.resize([0, 0, POOR, CLIMATOLOGY, POOR, POOR, MISSING], len(values))
    there = values["Qle"].notna()
    assert (table.flags["Qle"] == np.where(there, expected, MISSING)).all()
    assert table.values["Qle"].isna().sum() == (~there | (expected == MISSING)).sum()
    assert (table.flags["Qh"][values["Qh"].notna()] == NOT_KNOWN).all()
    counts = [(there & np.resize([k == n for k in range(7)], len(values))).sum() for n in (4, 5, 6)]
    assert f"Qle_qc: nothing explains the flags 77 ({counts[0]}), none ({counts[1]})" in table.remarks[0]
    assert f"Qle: {counts[2]} values are dropped" in table.remarks[1]


def test_flags_of_an_ozflux_site(shared):
    folder = shared / "cases/plumber2_ozflux_flags"
    table = read_archive(folder / "AU-Xyz_2008-2008_OzFlux_Flux.nc", "AU-Xyz")
    assert (table.flags[["Qle", "Qh"]] == MEASURED).sum().tolist() == [1749, 1720]
    assert table.flags[["Qle", "Qh"]].isin([MEASURED, NOT_KNOWN]).sum().tolist() == [1749, 1720]


def test_names_in_capitals_and_parts(tmp_path):
    path = alma_pair(tmp_path, days=5)[0]
    whole = read_archive(path, "US-CRT")

    def change(dataset):
        dataset["Wind_N"], dataset["Wind_E"] = 0.6 * dataset["Wind"], -0.8 * dataset["Wind"]
        for name, flag in (("Wind_N", 0), ("Wind_E", np.arange(dataset.sizes["time"]) % 2)):
            dataset[name].attrs["units"] = "m s**-1"
            dataset[f"{name}_qc"] = dataset["Wind_qc"].copy(
                data=np.broadcast_to(flag, (len(whole.values),))[:, None, None]
            )
        dataset["Albedo"] = dataset["Tair"]
        dataset = dataset.rename(Psurf="PSurf", Psurf_qc="PSurf_qc", SWdown="SWDown", SWdown_qc="SWDown_QC")
        return dataset.drop_vars(["Wind", "Wind_qc"])

    table = read_archive(altered(path, change), "US-CRT")
    assert table.values.drop(columns="Wind").equals(
        whole.values.drop(columns="Wind")[table.values.columns.drop("Wind")]
    )
    assert table.values["Wind"].to_numpy() == pytest.approx(
        whole.values["Wind"].to_numpy(), rel=1e-6, nan_ok=True
    )
    there = table.values["Wind"].notna().to_numpy()
    assert (table.flags["Wind"].to_numpy()[there] == (np.arange(len(there)) % 2)[there]).all()
    assert (table.flags["SWdown"] == 0).all()
    assert "variables over time that are not read: Albedo" in table.remarks[-1]

    twice = altered(path, lambda d: d.assign(PSURF=d["PSurf"]))
    with pytest.raises(InputError, match="has both PSurf and PSURF"):
        read_archive(twice, "US-CRT")


def test_an_urban_file(shared):
    folder = shared / "cases/alma_psurf_wind_components"
    for name in ("AU-Pre_2004-2004_UrbanRH_Met.nc", "AU-Pre_2004-2004_Urban_Met.nc"):
        values = read_archive(folder / name, "AU-Pre").values
        assert values["Psurf"].mean() == pytest.approx(99982, abs=1) and values[
            "Psurf"
        ].std() == pytest.approx(499, abs=1)
        assert values["Wind"].mean() == pytest.approx(4.446, abs=1e-3)
        assert values["VPD"].notna().all()


def converted(name, value, units):
    """Change of a file: `name` with other values and units, and without flags."""

    def change(dataset):
        shaped = np.broadcast_to(np.asarray(value, dtype=float), dataset.sizes["time"])[:, None, None]
        return dataset.drop_vars(f"{name}_qc", errors="ignore").assign(
            {name: (("time", "y", "x"), shaped, {"units": units})}
        )

    return change


SPELLINGS = [
    ("Tair", 20.0, "degC", 293.15),
    ("Tair", 20.0, "deg_C", 293.15),
    ("Tair", 20.0, "°C", 293.15),
    ("Tair", 293.15, "kelvin", 293.15),
    ("Psurf", 98.0, "kPa", 98000),
    ("Psurf", 980.0, "mbar", 98000),
    ("VPD", 1.2, "kPa", 1200),
    ("SWdown", 300.0, "W m**-2", 300),
    ("SWdown", 300.0, "W m^-2", 300),
    ("SWdown", 300.0, "W.m-2", 300),
    ("SWdown", 300.0, "W m⁻²", 300),
    ("Precip", 3.6, "mm/hr", 1e-3),
    ("Precip", 1e-3, "mm s-1", 1e-3),
    ("Precip", 1e-3, "kg m^{-2} s^{-1}", 1e-3),
    ("Wind", 3.0, "m s^-1", 3),
    ("LAI", 2.0, "m2 m-2", 2),
]


@pytest.mark.parametrize(("name", "value", "units", "expected"), SPELLINGS)
def test_spellings_of_units(tmp_path, name, value, units, expected):
    path = altered(alma_pair(tmp_path, days=2)[0], converted(name, value, units))
    assert read_archive(path, "US-CRT").values[name].to_numpy() == pytest.approx(expected)


REFUSED = {
    "sum over the step": ("Precip", 1.0, "mm", "Precip is in 'mm', expected one of kg/m2/s"),
    "unknown": ("Wind", 1.0, "knots", "Wind is in 'knots', expected one of m/s"),
    "none": ("Tair", 290.0, "", "Tair is in '', expected one of K"),
    "fraction that is none": ("RH", 57.0, "1", "RH is in '1' and up to 57"),
    "percent that is none": ("RH", 0.57, "%", "RH is in '%' and up to 0.57"),
    "the other sign": ("SWup", -57.0, "W/m2", "SWup is negative in the mean, expected positive upward"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_units_that_are_refused(tmp_path, case):
    name, value, units, words = REFUSED[case]
    path = altered(alma_pair(tmp_path, days=2)[0], converted(name, value, units))
    with pytest.raises(InputError) as error:
        read_archive(path, "US-CRT")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_letters_for_numbers(tmp_path):
    def change(dataset):
        texts = np.full(dataset["Tair"].shape, "x")
        return dataset.assign(Tair=(("time", "y", "x"), texts, {"units": "K"}))

    with pytest.raises(InputError, match=r"Tair is of type .* expected numbers"):
        read_archive(altered(alma_pair(tmp_path, days=2)[0], change), "US-CRT")


def rain(path, attrs=None, **rates):
    """A Met file with these rates (kg m-2 s-1) of precipitation, read."""

    def change(dataset):
        dataset = dataset.drop_vars(["Precip", "Precip_qc"])
        for name, rate in rates.items():
            dataset = converted(name, rate, "kg/m2/s")(dataset)
        dataset["Rainf"].attrs |= attrs or {}
        return dataset

    return read_archive(altered(path, change), "US-CRT")


def test_rain_and_snow(tmp_path):
    met = [alma_pair(tmp_path / str(k), days=2)[0] for k in range(4)]
    assert rain(met[0], Rainf=1e-4, Snowf=2e-4).values["Precip"].to_numpy() == pytest.approx(3e-4)
    table = rain(met[1], {"standard_name": "precipitation_flux"}, Rainf=3e-4, Snowf=2e-4)
    assert table.values["Precip"].to_numpy() == pytest.approx(3e-4) and "Snowf is not added" in " ".join(
        table.remarks
    )
    table = rain(met[2], Rainf=1e-4, Snowf=2e-4, Precip=3e-4)
    assert table.values["Precip"].to_numpy() == pytest.approx(3e-4) and "Precip is taken" not in " ".join(
        table.remarks
    )
    table = rain(met[3], Rainf=3e-4, Snowf=3e-4, Precip=3e-4)
    assert table.values["Precip"].to_numpy() == pytest.approx(3e-4)
    assert "Precip is taken, Rainf + Snowf is 2.00 times as much" in " ".join(table.remarks)


@pytest.mark.parametrize("parts", [{"SWnet": 300.0, "LWnet": -80.0}, {"SWup": 80.0, "LWup": 400.0}])
def test_net_radiation_of_its_parts(tmp_path, parts):
    path = alma_pair(tmp_path, days=2)[0]
    for name, value in (parts | {"SWdown": 400.0, "LWdown": 300.0}).items():
        altered(path, converted(name, value, "W/m2"))
    table = read_archive(path, "US-CRT")
    assert table.values["Rnet"].to_numpy() == pytest.approx(220) and (table.flags["Rnet"] == NOT_KNOWN).all()
    altered(path, converted("Rnet", np.where(np.arange(96) < 48, np.nan, 5.0), "W/m2"))
    assert read_archive(path, "US-CRT").values["Rnet"].tolist() == pytest.approx([220] * 48 + [5] * 48)


def weather():
    """A year of US-CRT, Tair, VPD, LWdown and Psurf, and its flags."""
    table = read_archive(CRT, "US-CRT")
    names = ["Tair", "VPD", "LWdown", "Psurf"]
    values, flags = (frame.loc["2013", names] for frame in (table.values, table.flags))
    return tuple({name: frame[name].to_numpy() for name in names} for frame in (values, flags))


def test_measured_radiation_and_pressure_stay_measured():
    values, flags = weather()
    found, remarks = synthetic(values, flags, 1800)
    assert remarks == [] and all((found[name] == flags[name]).all() for name in flags)


def brutsaert(tair, vpd):
    return 0.642 * (vapour_pressure(tair, vpd) / tair) ** (1 / 7) * STEFAN_BOLTZMANN * tair**4


FORMULAS = {
    "Abramowitz": ("LWdown", longwave_by_humidity),
    "Brutsaert": ("LWdown", brutsaert),
    "Swinbank": ("LWdown", lambda tair, vpd: 9.4e-6 * STEFAN_BOLTZMANN * tair**6),
    "barometric": ("Psurf", lambda tair, vpd: pressure(tair, 180.0)),
    "constant": ("Psurf", lambda tair, vpd: np.full(len(tair), 99180.0)),
}


@pytest.mark.parametrize("case", FORMULAS)
def test_formulas_do_not_count_as_measured(case):
    name, formula = FORMULAS[case]
    values, flags = weather()
    estimate = formula(values["Tair"], values["VPD"])
    first = np.arange(len(estimate)) < len(estimate) // 2
    for rows in (slice(None), first):
        mixed = values[name].copy()
        mixed[rows] = np.round(estimate[rows], 1)
        found, remarks = synthetic(values | {name: mixed}, flags, 1800)
        marked = found[name] == SYNTHESISED
        assert (
            marked == (np.isfinite(mixed) & np.isin(np.arange(len(first)), np.arange(len(first))[rows]))
        ).mean() > 0.95
        assert len(remarks) == 1 and remarks[0].startswith(f"{name}: ")
        assert all((found[other] == flags[other]).all() for other in flags if other != name)


@pytest.mark.parametrize("site", ["US-Blo_2000-2005", "US-Syv_2002-2005"])
def test_what_la_thuile_synthesised(shared, site):
    path = shared / f"fluxnet/{site}_LaThuile_Met.nc"
    table = read_archive(path, path.name[:6])
    for name in ("LWdown", "Psurf"):
        assert (table.flags[name] == SYNTHESISED).all()
        assert any(f"{name}: 100%" in remark for remark in table.remarks)
    assert (table.flags["Tair"] == NOT_KNOWN).all() and table.origins["VPD"] == "Qair"


@pytest.mark.slow
def test_no_measured_series_of_the_shared_towers_is_taken_for_a_formula(shared):
    for path in sorted((shared / "fluxnet").glob("*.zip")):
        table = read_archive(path, next(part for part in path.name.split("_") if "-" in part))
        values, flags = (
            {name: frame[name].to_numpy() for name in frame} for frame in (table.values, table.flags)
        )
        assert np.nanmax(saturation(values["Tair"]) - values["VPD"]) > 500
        assert synthetic(values, flags, table.step)[1] == [], path.name
