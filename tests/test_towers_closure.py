"""Correction for the energy balance: equal to ONEFlux where its results are at hand, and sound where not."""

import numpy as np
import pandas as pd
import pytest
from archives import CRT

from lad.towers.closure import closure_factor, correct, corrected_fluxes, energy_balance
from lad.towers.fill import fill
from lad.towers.record import read_record
from lad.towers.sites import site


@pytest.mark.parametrize("case", ["short_gap", "long_gap"])
def test_equals_oneflux_in_every_row(shared, case):
    given, expected, factors = (
        pd.read_csv(shared / f"fluxprep/vectors/ebc/{case}_US-Me2_energy_{name}.csv.gz").replace(
            -9999, np.nan
        )
        for name in ("gapfilled_dataset", "hh", "EBCcf_hh")
    )
    latent, sensible, net, ground = (given[name].to_numpy() for name in ("Le", "H", "NETRAD", "G"))
    factor = closure_factor(latent, sensible, (given["Le_qc"], given["H_qc"]), net, ground)
    assert factor == pytest.approx(factors["EBCcf"].to_numpy(), rel=2e-5, nan_ok=True)
    end = given["TIMESTAMP_END"].to_numpy()
    found = correct(latent, sensible, factor, end // 100 % 100 * 60 + end % 100, 48)
    assert (found.method == expected["method"].fillna(0)).all()
    assert (found.count == expected["EBCcf_n"].fillna(0)).all()
    for values, name in ((found.latent, "LE"), (found.sensible, "H")):
        for column, quartile in zip(values.T, ("25", "", "75"), strict=True):
            assert column == pytest.approx(
                expected[f"{name}corr{quartile}"].to_numpy(), rel=2e-5, nan_ok=True
            )
    assert case == "short_gap" or set(found.method) == {0, 1, 2}


@pytest.fixture(scope="module")
def record():
    return fill(read_record(site("US-CRT"), [CRT]))


def closed(record, **changes):
    values = {name: record.values[name].to_numpy() for name in ("Qle", "Qh", "Rnet", "Qg")} | changes
    return corrected_fluxes(values, record.flags, record.time, record.step, record.segment)


def test_ratio_of_the_fluxes_is_kept_and_the_balance_closes_better(record):
    values, flags, method = closed(record)
    first = method == 1
    assert first.mean() > 0.95
    bowen = record.values["Qh"] / record.values["Qle"]
    large = first & (record.values["Qle"] > 20) & (record.values["Qh"] > 20)
    assert (values["Qh_cor"] / values["Qle_cor"])[large] == pytest.approx(bowen[large].to_numpy())
    everything = {"all": np.ones(len(record.time), dtype=bool)}
    before = energy_balance(record.values, record.flags, everything)["ratio"].item()
    named = dict(record.values) | {"Qle": values["Qle_cor"], "Qh": values["Qh_cor"]}
    after = energy_balance(named, record.flags, everything)["ratio"].item()
    assert before == pytest.approx(0.70, abs=0.01) and before + 0.1 < after < 1.0
    assert ((flags["Qle_cor"] == 101) == np.isfinite(values["Qle_cor"])).all()


def test_fluxes_that_close_stay_as_they_are(record):
    values, _, method = closed(record, Rnet=record.values["Qle"] + record.values["Qh"] + record.values["Qg"])
    first = method == 1
    assert values["Qle_cor"][first] == pytest.approx(record.values["Qle"][first].to_numpy())


def test_without_net_radiation_nothing_is_corrected(record):
    values, flags, method = closed(record, Rnet=np.full(len(record.time), np.nan))
    assert np.isnan(values["Qle_cor"]).all() and (flags["Qh_cor"] == 9).all() and (method == 0).all()


def test_energy_balance_by_hand():
    values = {
        "Qle": [10.0, 20, 30, 40],
        "Qh": [10.0, 20, 30, 40],
        "Rnet": [25.0, 45, 65, 85],
        "Qg": [0.0] * 4,
    }
    flags = {name: np.array([0, -1, 0, 3]) for name in values}
    groups = {"all": np.ones(4, dtype=bool), "none": np.zeros(4, dtype=bool)}
    table = energy_balance({k: np.array(v) for k, v in values.items()}, flags, groups).set_index("period")
    assert table.loc["all", "intervals"] == 3 and table.loc["none", "intervals"] == 0
    assert table.loc["all", "ratio"] == pytest.approx(120 / 135)
    assert table.loc["all", ["slope", "intercept"]].tolist() == pytest.approx([1, -5])
    assert np.isnan(table.loc["none", "ratio"])
