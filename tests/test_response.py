"""Responses of flux laws about a typical midday."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from learning_tower import TRAIN, of_another_site, rewrite, weather, write_tower
from PIL import Image

from lad.cli import main
from lad.constants import L_VAPORISATION
from lad.errors import InputError
from lad.evaluation.response import INPUTS, MONTH, RESPONSE_COLUMNS, midday, response
from lad.figures.response import response_figure
from lad.figures.style import COLOURS
from lad.fluxes import AbstractFluxes, BulkFluxes, Fluxes
from lad.forcing import make_forcing, read_record
from lad.model import Model
from lad.parameters import table_parameters
from lad.periods import parse_periods
from lad.physics.saturation import saturation_vapour_pressure, vapour_pressure

PARAMETERS = table_parameters(6, 2, 10.0)
WMAX = float(PARAMETERS.Wmax)


class Linear(AbstractFluxes):
    """H by the sun; evaporation by the fill of the root zone and by what the air lacks, given in two ways."""

    def __call__(self, state, forcing, parameters):
        """Fluxes at one instant."""
        lacking = saturation_vapour_pressure(forcing.Tair) - vapour_pressure(forcing.Qair, forcing.Psurf)
        LE = 100.0 * state.root / parameters.Wmax + 0.01 * (lacking + forcing.VPD)
        return Fluxes(0.5 * forcing.SWdown, jnp.zeros_like(LE), LE / L_VAPORISATION)


@pytest.fixture
def tower(tmp_path):
    """A tower, and a simulation with a root zone a quarter full."""
    write_tower(tmp_path)
    time = read_record(tmp_path / "forcing.nc").time
    run(time).to_netcdf(tmp_path / "bulk.nc")
    return tmp_path


def run(time: np.ndarray) -> xr.Dataset:
    """The states of a simulation."""
    stores = {"RootMoist": 0.25 * WMAX, "SWE": 0.0, "GroundWater": 0.0}
    states = {name: ("time", np.full(len(time), value)) for name, value in stores.items()}
    states["SoilTemp"] = (
        ("time", "soil_layer"),
        290.0 + np.arange(5) + np.linspace(0, 1, len(time))[:, None],
    )
    return xr.Dataset(states, {"time": time.astype("datetime64[ns]")})


def typical_of(folder):
    record = read_record(folder / "forcing.nc")
    return midday(record, parse_periods([TRAIN]), run(record.time), WMAX)


def test_midday_is_the_median_of_the_noon_hours_of_the_periods(tower):
    found, forcing = typical_of(tower), weather()
    hour = np.arange(20 * 48) % 48 / 2
    chosen = np.flatnonzero((hour >= 10) & (hour < 14))
    assert found.forcing.Tair == pytest.approx(np.median(forcing["Tair"][chosen]))
    assert np.diff(found.state.T) == pytest.approx(1.0) and found.state.snow == 0.0
    assert found.typical["fill"] == pytest.approx(0.25)
    assert found.lived["SWdown"] == pytest.approx(tuple(np.percentile(forcing["SWdown"][chosen], (5, 95))))


def test_only_the_three_warmest_months_count(tower):
    record, days = read_record(tower / "forcing.nc"), pd.date_range("2013-06-01", "2013-09-30", freq="MS")
    time = np.concatenate([pd.date_range(day, periods=48, freq="30min").to_numpy() for day in days])
    month = np.repeat(np.arange(4.0), 48)  # June is the coolest
    forcing = make_forcing(**{**weather(4), "Tair": 290.0 + month, "SWdown": 100.0 * month})
    four = dataclasses.replace(record, time=time, forcing=forcing, segment=month.astype(int))
    found = midday(four, parse_periods(["2013-06-01:2013-09-30"]), run(time), WMAX)
    assert found.typical["SWdown"] == 200.0 and found.highest["SWdown"] == 300.0
    assert found.lived["SWdown"][0] == 100.0
    with pytest.raises(InputError, match="no half-hour of 10 to 14 h in 2013-06-02:2013-06-03"):
        midday(four, parse_periods(["2013-06-02:2013-06-03"]), run(time), WMAX)


def test_each_input_acts_alone_and_humidity_with_the_deficit(tower):
    typical = typical_of(tower)
    table = response({"linear": Model(PARAMETERS, Linear())}, typical)
    assert list(table.columns) == RESPONSE_COLUMNS and set(table.input) == {*INPUTS, MONTH}
    sun, dry, wet, month = (table[table.input == name] for name in (*INPUTS, MONTH))
    base = 25.0 + 0.02 * typical.typical["VPD"]
    assert sun.H.to_numpy() == pytest.approx(0.5 * sun.value.to_numpy())
    assert sun.LE.to_numpy() == pytest.approx(base)
    assert dry.LE.to_numpy() == pytest.approx(25.0 + 0.02 * dry.value.to_numpy(), abs=1e-6)
    assert dry.H.to_numpy() == pytest.approx(0.5 * typical.typical["SWdown"])
    assert wet.LE.to_numpy() == pytest.approx(base - 25.0 + 100.0 * wet.value.to_numpy())
    assert list(month.value) == [6.0] and month.LE.to_numpy() == pytest.approx(base)
    assert sun.value.max() == typical.highest["SWdown"] and wet.value.max() == 1.0


def test_month_has_the_antecedent_weather_of_its_middays(tower):
    """A law that gives the first antecedent mean as H."""

    class Remembers(AbstractFluxes):
        def __call__(self, state, forcing, parameters):
            return Fluxes(forcing.antecedents[0], jnp.zeros(()), jnp.zeros(()))

    record, days = read_record(tower / "forcing.nc"), pd.date_range("2013-06-01", "2013-09-30", freq="MS")
    time = np.concatenate([pd.date_range(day, periods=48, freq="30min").to_numpy() for day in days])
    month = np.repeat(np.arange(6.0, 10.0), 48)
    slow = np.stack([10.0 * month, month], axis=1)
    forcing = dataclasses.replace(
        make_forcing(**{**weather(4), "Tair": 284.0 + month}), antecedents=jnp.asarray(slow)
    )
    four = dataclasses.replace(record, time=time, forcing=forcing)
    typical = midday(four, parse_periods(["2013-06-01:2013-08-31"]), run(time), WMAX)
    table = response({"remembers": Model(PARAMETERS, Remembers())}, typical)
    found = table[table.input == MONTH]
    assert list(found.value) == [6.0, 7.0, 8.0] and list(found.H) == [60.0, 70.0, 80.0]
    assert set(table.H[table.input != MONTH]) == {70.0}


def test_dry_air_ends_where_it_has_no_vapour(tower):
    typical = typical_of(tower)
    driest = float(saturation_vapour_pressure(typical.forcing.Tair))
    typical = typical._replace(highest=typical.highest | {"VPD": 2 * driest})
    table = response({"bulk": Model(PARAMETERS, BulkFluxes())}, typical)
    assert table[table.input == "VPD"].value.max() == pytest.approx(driest)
    assert np.isfinite(table[["LE", "H"]]).all(axis=None)
    wet = table[table.input == "fill"]
    assert wet.LE.iloc[0] == pytest.approx(0.0, abs=1e-9) and wet.LE.is_monotonic_increasing


def test_figure_has_the_mean_over_seeds_of_every_model(tower):
    typical = typical_of(tower)
    model = Model(PARAMETERS, Linear())
    table = response({"bulk": model, "mlp/0": model, "mlp/1": model}, typical)
    table.loc[table.seed == "1", "LE"] += 10.0
    panels = response_figure(table, typical, "title").axes
    assert [axes.get_xlabel().split(" (")[0] for axes in panels[4:]] == [
        "downward shortwave",
        "vapour-pressure deficit",
        "root-zone fill $W_r/W_{max}$",
        "month of the antecedent weather and LAI",
    ]
    (mean,) = (line for line in panels[0].lines if line.get_label() == "mlp")
    (bulk,) = (line for line in panels[0].lines if line.get_color() == COLOURS["bulk"])
    assert mean.get_ydata() == pytest.approx(bulk.get_ydata() + 5.0)
    (deficit,) = (line for line in panels[1].lines if line.get_color() == COLOURS["bulk"])
    assert deficit.get_xdata()[-1] == pytest.approx(0.01 * typical.highest["VPD"])


def test_step_writes_table_and_figure(tower, capsys):
    files = {"forcing": "forcing.nc", "simulation": "bulk.nc", "parameters": "parameters.json"}
    options = [word for name, file in files.items() for word in (f"--{name}", str(tower / file))]
    out = [f"--table={tower / 'out/response.csv'}", f"--figure={tower / 'out/response.png'}"]
    command = ["response", "--site", "XX-Tst", *options, "--train", TRAIN, *out]
    assert main(command) == 0
    assert set(pd.read_csv(tower / "out/response.csv").model) == {"bulk"}
    with Image.open(tower / "out/response.png") as image:
        assert '"simulation"' in image.text["provenance"]
    assert (tower / "out/response.pdf").read_bytes().startswith(b"%PDF")
    assert main([*command, "--model", "mlp"]) == 2
    assert capsys.readouterr().err == "lad response: error: mlp: expected NAME=FILE\n"
    rewrite(tower / "bulk.nc", of_another_site)
    assert main(command) == 2
    assert "bulk.nc: is of site YY-Oth, expected XX-Tst" in capsys.readouterr().err
    run(read_record(tower / "forcing.nc").time[1:]).to_netcdf(tower / "bulk.nc")
    assert main(command) == 2
    assert "bulk.nc: its time axis differs from that of the forcing" in capsys.readouterr().err
