"""The step evaluate: which half-hours count, what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from evaluation_site import SITE, TEST, TEST_START, TRAIN, VALIDATION, N, Site, lad

from lad.errors import InputError
from lad.evaluation.metrics import all_metrics
from lad.io import read_json


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def scores_of(
    site: Site, *extra: object, simulated_time: np.ndarray | None = None, **periods: str
) -> pd.DataFrame:
    """Scores as written, indexed by target, model, seed."""
    output = site.folder / "scores.csv"
    lad("evaluate", *site.write(simulated_time, **periods), *extra, "--output", output)
    table = pd.read_csv(output, dtype={"seed": str}, keep_default_na=False)
    return table.set_index(["target", "model", "seed"])


def test_rows_and_hand_made_biases(site):
    scores = scores_of(site)
    models = [("bulk", ""), ("mlp", "0"), ("mlp", "1"), ("mlp", "ensemble")]
    assert list(scores.index) == [(target, *model) for target in ("LE", "H") for model in models]
    assert set(scores.site) == {SITE} and set(scores.period) == {TEST}
    assert scores.loc[("LE", "mlp", "0"), ["rmse", "bias", "r"]].tolist() == pytest.approx([5, 5, 1])
    assert scores.loc[("H", "mlp", "1"), ["rmse", "bias", "r"]].tolist() == pytest.approx([7, -7, 1])


def test_ensemble_is_the_score_of_the_mean_flux(site):
    site.simulations["mlp/1"]["Qle"] = 0.25 * site.sw
    ensemble = scores_of(site).loc[("LE", "mlp", "ensemble")]
    mean = (site.simulations["mlp/0"]["Qle"] + site.simulations["mlp/1"]["Qle"]) / 2
    expected = all_metrics(mean[TEST_START:], site.le[TEST_START:], "x")
    assert ensemble[list(expected)].to_dict() == pytest.approx(expected, rel=1e-5)


def test_all_models_are_scored_on_the_same_usable_half_hours(site):
    site.qc[TEST_START : TEST_START + 10] = 1
    site.qc[TEST_START + 10 : TEST_START + 30] = -1
    site.le[TEST_START + 20 : TEST_START + 25] = np.nan
    scores = scores_of(site)
    assert set(scores.loc["LE"].n) == {N - TEST_START - 15}
    assert set(scores.loc["LE"].n_not_known) == {15}
    assert set(scores.loc["H"].n) == {N - TEST_START - 10}
    assert set(scores.loc["H"].n_not_known) == {20}


def test_unusable_half_hours_and_those_outside_the_test_periods_do_not_count(site):
    site.qc[TEST_START + 5 : TEST_START + 15] = 3
    before = scores_of(site)
    site.le[TEST_START + 5 : TEST_START + 15] += 1000
    site.le[:TEST_START] += 1000
    pd.testing.assert_frame_equal(scores_of(site), before)


def test_half_hour_shift_lowers_the_scores(site):
    right = scores_of(site).loc[("LE", "mlp", "0")]
    site.simulations["mlp/0"]["Qle"] = np.roll(site.simulations["mlp/0"]["Qle"], 1)
    shifted = scores_of(site).loc[("LE", "mlp", "0")]
    assert shifted.nse < right.nse - 0.01 and shifted.r < right.r - 0.005


def test_flipped_sign_shows(site):
    site.simulations["bulk"]["Qh"] *= -1
    row = scores_of(site).loc[("H", "bulk", "")]
    assert row.r < -0.9 and row.nse < 0 and row.kge < 0


def test_provenance_beside_the_scores(site):
    scores_of(site)
    record = read_json(site.folder / "scores.json")
    roles = ["forcing", "observations", "simulation bulk", "simulation mlp/0", "simulation mlp/1"]
    assert list(record["inputs"]) == roles
    assert record["settings"] == {"site": SITE, "train": [TRAIN], "validation": [VALIDATION], "test": [TEST]}


def test_rerun_is_identical(site):
    scores_of(site)
    files = [site.folder / name for name in ("scores.csv", "scores.json")]
    first = [file.read_bytes() for file in files]
    scores_of(site)
    assert [file.read_bytes() for file in files] == first


def refused(site: Site, words: str, *extra: object, **options: object) -> None:
    with pytest.raises(InputError, match=words) as error:
        scores_of(site, *extra, **options)
    assert "\n" not in str(error.value)
    assert not (site.folder / "scores.csv").exists()


def test_overlapping_periods(site):
    refused(site, "train period .* overlaps test period", train="2020-06-01:2020-06-05")
    refused(site, "validation .* overlaps test", validation=TEST)


def test_simulation_without_the_test_half_hours(site):
    late = site.time + np.timedelta64(5, "D")
    refused(site, "bulk.nc: lacks 48 of the 192 .* 2020-06-05T00:00:00", simulated_time=late)
    refused(site, "bulk.nc: lacks 192 of the 192", simulated_time=site.time + np.timedelta64(10, "m"))
    refused(site, "bulk.nc: time does not increase", simulated_time=site.time[::-1])


def test_nan_in_a_simulation(site):
    site.simulations["mlp/1"]["Qh"][TEST_START + 2] = np.nan
    refused(site, "mlp_1.nc: Qh is not finite in 1 of 192 .* 2020-06-05T01:00:00")


def test_constant_fluxes(site):
    site.simulations["bulk"]["Qle"] = np.full(N, 40.0)
    row = scores_of(site).loc[("LE", "bulk", "")]
    assert (row.r, row.kge, row.kge_2021) == ("", "", "") and float(row.rmse) > 0
    (site.folder / "scores.csv").unlink()
    site.le[TEST_START:] = 3.0
    refused(site, f"{SITE}, LE, bulk, {TEST}: all 192 observed values are 3, NSE is undefined")


def test_other_unit_of_a_simulation(site):
    site.write()
    with xr.open_dataset(site.folder / "bulk.nc") as dataset:
        heat = dataset.load()
    for units, words in (("W m-2", None), ("kg m-2 s-1", "mm.nc: Qle is in 'kg m-2 s-1', expected 'W m-2'")):
        heat["Qle"].attrs["units"] = units
        heat.to_netcdf(site.folder / "mm.nc")
        simulation = ("--simulation", f"bulk={site.folder / 'mm.nc'}")
        if words:
            (site.folder / "scores.csv").unlink()
            refused(site, words, *simulation)
        else:
            scores_of(site, *simulation)


def test_no_usable_half_hour(site):
    site.qc[TEST_START:] = 9
    refused(site, f"observations.nc: no usable half-hour of Qle in {TEST}")


def test_periods_outside_the_record(site):
    refused(
        site,
        "observations.nc: holds no half-hour of the period 2021-01-01:2021-01-02",
        test="2021-01-01:2021-01-02",
    )


def test_other_site_and_missing_variable(site):
    refused(site, "observations.nc: is of site XX-Tst, expected YY", "--site", "YY")
    del site.simulations["bulk"]["Qh"]
    refused(site, "bulk.nc: has no variable Qh")


def test_variable_with_more_dimensions_than_time(site):
    site.write()
    with xr.open_dataset(site.folder / "bulk.nc") as dataset:
        wide = dataset.load().expand_dims({"x": 1}, axis=1)
    wide.to_netcdf(site.folder / "wide.nc")
    words = r"wide.nc: Qle has dimensions .*'x': 1.*, expected time alone"
    refused(site, words, "--simulation", f"bulk={site.folder / 'wide.nc'}")


@pytest.mark.parametrize(
    "names", [["a"], ["=x.nc"], ["a="], ["a=x", "a=y"], ["a=x", "a/0=y"], ["a/0=x", "a=y"]]
)
def test_names_of_simulations(site, names):
    refused(site, f"simulation '{names[-1]}'", "--simulation", *names)


def test_ensemble_of_laws_has_the_weights_of_the_validation(site):
    """Two models whose mean, three to one, is the tower."""
    site.simulations |= {
        "high/0": {"Qle": site.le + 50.0, "Qh": site.h + 50.0},
        "high/1": {"Qle": site.le + 70.0, "Qh": site.h + 70.0},
        "low": {"Qle": site.le - 20.0, "Qh": site.h - 20.0},
    }
    del site.simulations["mlp/0"], site.simulations["mlp/1"]
    outputs = ["--output", site.folder / "both.nc", "--weights", site.folder / "both.csv"]
    options = site.write()
    del options[4:6]  # --forcing
    lad("combine", *options, *outputs)
    table = pd.read_csv(site.folder / "both.csv").set_index("model")
    assert table.weight[["bulk", "high", "low"]].tolist() == pytest.approx([0.0, 0.25, 0.75], abs=1e-6)
    assert table.loss["weighted mean"] == pytest.approx(0.0, abs=1e-6) and table.loss["low"] > 0.01
    with xr.open_dataset(site.folder / "both.nc") as dataset:
        np.testing.assert_allclose(dataset.Qle, site.le, atol=1e-3)
        assert dataset.attrs["title"] == "Weighted mean of bulk, high, low"
