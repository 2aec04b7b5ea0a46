"""Physical sanity of simulations."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from learning_tower import rewrite, write_tower

from lad.cli import main
from lad.evaluation.sanity import (
    LIMITS,
    ROUNDING_SHARE,
    drift,
    empty_days,
    largest_monthly_mean,
    overdraft,
    sound,
)
from lad.fluxes import AbstractFluxes, BulkFluxes, Fluxes
from lad.forcing import read_record
from lad.model import Model
from lad.parameters import table_parameters
from lad.periods import parse_periods

TEST = ["--test", "2013-06-11:2013-06-20"]
PARAMETERS = table_parameters(6, 2, 10.0)


@pytest.fixture
def tower(tmp_path):
    return write_tower(tmp_path)


class Insulating(AbstractFluxes):
    """A surface without turbulent fluxes, whose soil can only lose heat by emission."""

    def __call__(self, state, forcing, parameters):
        """No flux."""
        return Fluxes(0.0 * state.T[0], 0.0 * state.T[0], 0.0 * state.T[0])


def test_a_soil_that_warms_from_repeat_to_repeat_drifts(tower):
    """One month repeated is far from a year: the deep soil of a hot surface still warms in the sixth."""
    record = read_record(tower / "forcing.nc")
    assert (
        drift(Model(PARAMETERS, Insulating()), record) > drift(Model(PARAMETERS, BulkFluxes()), record) > -0.5
    )


def test_simulation_against_its_own_budget_and_sensors(tower, capsys):
    run, table = tower / "bulk.nc", tower / "sanity.csv"
    files = ["--forcing", str(tower / "forcing.nc"), "--parameters", str(tower / "parameters.json")]
    assert main(["simulate", *files, "--output", str(run)]) == 0

    def add_sensors(dataset):
        with xr.open_dataset(run) as simulated:
            dataset["SoilTemp_1"] = ("time", simulated.SoilTemp.values[:, 1] + 2.0)
            dataset["SoilMoist_1"] = ("time", 0.1 + 0.001 * simulated.RootMoist.values)
        for name in ("SoilTemp_1", "SoilMoist_1"):
            dataset[f"{name}_qc"] = ("time", np.zeros(dataset.sizes["time"], dtype="int8"))

    rewrite(tower / "observations.nc", add_sensors)
    options = [
        "--site",
        "XX-Tst",
        "--observations",
        str(tower / "observations.nc"),
        *files,
        *TEST,
        "--output",
        str(table),
    ]
    assert main(["sanity", *options, "--simulation", f"bulk={run}"]) == 0
    row = pd.read_csv(table).iloc[0]
    assert [row.soil_bias, row.soil_rmse, row.moisture_r] == pytest.approx([-2.0, 2.0, 1.0], rel=1e-5)
    assert row.overdraft == 0.0 and row.surface_difference == 0.0
    for name, limit in LIMITS.items():  # no rounding
        assert row[name] == 0.0 or abs(row[name]) >= ROUNDING_SHARE * limit.value
    assert row.energy_residual < 1e-6 and row.water_residual < 1e-9

    assert row.empty_days == 0.0

    def dry_out(dataset):
        # Of ten days three, and half of one with more than enough.
        dataset["RootMoist"][10 * 48 + 24 : 14 * 48] = 0.0
        dataset["RootMoist"][: 10 * 48] = 0.0  # before the test period

    rewrite(run, dry_out)
    with xr.open_dataset(run) as simulated:
        assert empty_days(simulated, parse_periods(TEST[1:])) == pytest.approx(30.0)

    def evaporate_too_much(dataset):
        dataset["Evap"][100] = 1.0

    rewrite(run, evaporate_too_much)
    with xr.open_dataset(run) as simulated:
        assert overdraft(simulated, read_record(tower / "forcing.nc")) > 1000.0
    capsys.readouterr()
    assert main(["sanity", *options, "--simulation", f"bulk={run}"]) == 0
    assert "bulk: overdraft = " in capsys.readouterr().out
    assert main(["sanity", *options, "--simulation", f"mlp/0={run}"]) == 2
    assert "expected bulk and those of --model" in capsys.readouterr().err


def test_limits_are_absolute():
    good = {
        "drift": -0.1,
        "surface_difference": -1.0,
        "surface_month": -9.0,
        "overdraft": 0.0,
        "deficit": 0.0,
        "energy_residual": 0.0,
        "water_residual": 0.0,
    }
    assert sound(good)
    assert not sound(good | {"surface_difference": -2.1})


def test_one_cold_month_is_not_hidden_by_the_mean():
    time = pd.date_range("2007-01-01", "2009-12-31 23:30", freq="30min")
    cold = pd.Series(np.where((time.year == 2008) & (time.month == 2), -20.0, 0.5), time)
    assert abs(cold.mean()) < 0.2
    assert largest_monthly_mean(cold) == pytest.approx(-20.0)
    assert largest_monthly_mean(cold["2008-02-28 16:00":"2008-05"]) == 0.5  # two days are no month
    assert largest_monthly_mean(cold["2008-02-28":"2008-03-02"]) == pytest.approx(-10.0, abs=0.5)


def test_net_radiation_is_prescribed_where_it_is_measured(tower, capsys):
    """LaD runs on prescribed net radiation, and has exactly that in the measured half-hours."""
    measured, drifts = np.arange(30 * 48) % 3 > 0, []

    def add_radiation(dataset):
        dataset["Rnet"] = ("time", np.where(measured, 150.0, 999.0))
        dataset["Rnet_qc"] = ("time", np.where(measured, 0, 2).astype("int8"))

    rewrite(tower / "observations.nc", add_radiation)
    files = ["--forcing", str(tower / "forcing.nc"), "--parameters", str(tower / "parameters.json")]
    observations, run = str(tower / "observations.nc"), tower / "run.nc"
    assert main(["simulate", *files, "--net-radiation", observations, "--output", str(run)]) == 0
    with xr.open_dataset(run) as simulated:
        assert np.allclose(simulated.Rnet.values[measured], 150.0)
        assert np.abs(simulated.Rnet.values[~measured] - 150.0).min() > 0.01
        assert simulated.attrs["max_energy_residual"] < 1e-6
        assert "net_radiation" in json.loads(simulated.attrs["provenance"])["inputs"]

    # On net radiation that no emission answers the soil warms from repeat to repeat, and the table shows it.
    options = [
        "--site",
        "XX-Tst",
        "--observations",
        observations,
        *files,
        *TEST,
        "--simulation",
        f"bulk={run}",
    ]
    for radiation in ([], ["--net-radiation", observations]):
        assert main(["sanity", *options, *radiation, "--output", str(tower / "s.csv")]) == 0
        drifts.append(abs(pd.read_csv(tower / "s.csv").drift[0]))
    assert drifts[1] > drifts[0]

    rewrite(tower / "observations.nc", lambda dataset: dataset.update({"Rnet": np.nan * dataset.Rnet}))
    assert main(["simulate", *files, "--net-radiation", observations, "--output", str(run)]) == 2
    assert "no measured Rnet" in capsys.readouterr().err
