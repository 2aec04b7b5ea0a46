"""The step `simulate`: what it reads, refuses and writes."""

import json
import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
import xarray as xr
from reference_runs import ORDER, case, fortran, network

from lad.cli import main
from lad.io import read_json
from lad.model import Model
from lad.parameters import from_json
from lad.settings import ModelSettings
from lad.training.files import save_model

ROWS = 6 * 48
FLUXES = {
    "Qle": "W m-2",
    "Qh": "W m-2",
    "Qg": "W m-2",
    "Rnet": "W m-2",
    "SWnet": "W m-2",
    "LWnet": "W m-2",
    "Evap": "kg m-2 s-1",
    "Qsm": "kg m-2 s-1",
    "Qrec": "kg m-2 s-1",
    "Qsb": "kg m-2 s-1",
    "Calving": "kg m-2 s-1",
}
STORES = {"SWE": "kg m-2", "RootMoist": "kg m-2", "GroundWater": "kg m-2"}


def forcing_file(path, segments=1, **changes):
    """Six days of the temperate winter; `changes` replace variables by numbers or arrays."""
    _, _, weather, content = case("year_temperate", days=6)
    time = np.datetime64("2013-01-01", "ns") + np.arange(ROWS) * np.timedelta64(1800, "s")
    segment = np.repeat(np.arange(segments), ROWS // segments).astype("int32")
    time = time + segment * np.timedelta64(100, "D")
    dataset = xr.Dataset(
        {name: ("time", np.asarray(getattr(weather, name))) for name in ORDER}
        | {"segment": ("time", segment), "reference_height": ((), content["z_ref_m"])},
        coords={"time": time},
        attrs={"site_id": "XX-Tst"},
    )
    for name, value in changes.items():
        dataset[name] = ("time", np.broadcast_to(value, ROWS).astype(float))
    dataset.to_netcdf(path)
    return str(path)


def json_file(path, content):
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Options of a plain run from a given state."""
    folder = tmp_path_factory.mktemp("simulate")
    content = case("year_temperate", days=6).content
    return {
        "forcing": forcing_file(folder / "forcing.nc"),
        "parameters": json_file(folder / "parameters.json", content),
        "initial-state": json_file(folder / "state.json", content),
        "output": str(folder / "out.nc"),
    }


def simulate(**options):
    given = {name: str(value) for name, value in options.items() if value is not None}
    return main(["simulate", *(word for k, v in given.items() for word in (f"--{k}", v))])


@pytest.fixture(scope="module")
def made(files):
    assert simulate(**files) == 0
    with xr.open_dataset(files["output"]) as dataset:
        return dataset.load()


def test_names_dimensions_and_units(made):
    assert dict(made.sizes) == {"time": ROWS, "bound": 2, "soil_layer": 5}
    assert made.SoilTemp.dims == ("time", "soil_layer") and made.SoilTemp.units == "K"
    for name, units in (FLUXES | STORES).items():
        assert made[name].dims == ("time",) and made[name].units == units, name
        assert made[name].dtype == np.float64 and np.isfinite(made[name]).all()
    assert {made[n].attrs.get("positive") for n in ("Qle", "Qh", "Evap")} == {"up"}
    assert {made[n].attrs.get("positive") for n in ("Qg", "Rnet", "SWnet", "LWnet")} == {"down"}
    np.testing.assert_allclose(made.soil_layer, [0.0025, 0.0275, 0.1, 0.325, 1.0])
    assert made.time.values[0] == np.datetime64("2013-01-01")
    assert (made.time_bnds[:, 0] == made.time).all()
    assert made.attrs["Conventions"] == "CF-1.8" and made.attrs["site_id"] == "XX-Tst"


def test_follows_the_reference_run(made):
    expected = fortran("year_temperate_refined")[:ROWS]
    for name, column, most in (("Qh", "H", 2.0), ("Qle", "LE", 2.0), ("SWnet", "SWnet", 1.0)):
        assert np.sqrt(np.mean((made[name] - expected[column]) ** 2)) < most
    assert np.sqrt(np.mean((made.SoilTemp[:, 0] - expected["T1"]) ** 2)) < 0.1


def test_budgets_close_from_the_file_alone(files, made):
    with xr.open_dataset(files["forcing"]) as forcing:
        snowfall, rain = forcing.Snowf.values, forcing.Rainf.values
    p = case("year_temperate").content["params"]
    heat = (made.SoilTemp * (np.array(p["C"]) * np.array(p["dz"]))).sum("soil_layer") - 3.34e5 * made.SWE
    gain = made.Rnet - made.Qh - 2.5e6 * made.Evap - 3.34e5 * (snowfall - made.Calving)
    np.testing.assert_allclose(np.diff(heat), 1800.0 * gain[1:], atol=1e-4)
    water = made.SWE + made.RootMoist + made.GroundWater
    np.testing.assert_allclose(
        np.diff(water), 1800.0 * (rain + snowfall - made.Evap - made.Qsb - made.Calving)[1:], atol=1e-9
    )
    np.testing.assert_allclose(made.Rnet, made.Qle + made.Qh + made.Qg + 3.34e5 * made.Qsm, atol=1e-9)
    assert 0.0 < made.attrs["max_energy_residual"] < 1e-6
    assert 0.0 < made.attrs["max_water_residual"] < 1e-9


def test_provenance_names_inputs_and_settings(made):
    origin = json.loads(made.attrs["provenance"])
    assert set(origin["inputs"]) == {"forcing", "parameters", "initial_state"}
    assert origin["settings"]["integrator"] == "fast-1" and origin["settings"]["spinup_passes"] == 0


def test_again_byte_for_byte(files, made, tmp_path):
    again = tmp_path / "out.nc"
    assert simulate(**files | {"output": again}) == 0
    with open(files["output"], "rb") as first:
        assert first.read() == again.read_bytes()


@pytest.mark.parametrize(
    "variable",
    ["JAX_PLATFORMS=cuda", "JAX_PLATFORMS=tpu", "JAX_PLATFORM_NAME=gpu", "JAX_DISABLE_JIT=perhaps"],
)
def test_variables_of_jax_that_do_not_fit_the_machine(files, tmp_path, variable):
    if jax.default_backend() != "cpu":
        pytest.skip("this machine has a device of that kind")
    name, _, value = variable.partition("=")
    options = [
        word for k, v in (files | {"output": tmp_path / "out.nc"}).items() for word in (f"--{k}", str(v))
    ]
    command = [sys.executable, "-m", "lad.cli", "simulate", *options]
    result = subprocess.run(
        command, env=os.environ | {name: value}, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 2 and list(tmp_path.iterdir()) == []
    assert re.fullmatch(
        rf"lad simulate: error: {variable} in the environment: .*; unset {name}\n", result.stderr
    )


def test_columns_of_length_one_are_accepted(files, made, tmp_path):
    with xr.open_dataset(files["forcing"]) as dataset:
        wide = dataset.load()
    for name in ORDER:
        wide[name] = wide[name].expand_dims({"y": 1, "x": 1}, axis=(1, 2))
    wide.to_netcdf(tmp_path / "wide.nc")
    assert simulate(**files | {"forcing": tmp_path / "wide.nc", "output": tmp_path / "out.nc"}) == 0
    with xr.open_dataset(tmp_path / "out.nc") as dataset:
        assert (dataset.Qle == made.Qle).all()


def spun_up(files, folder, years, **more):
    options = {k: v for k, v in files.items() if k != "initial-state"}
    output = folder / f"{years}.nc"
    assert simulate(**options | {"spinup-passes": years, "output": output} | more) == 0
    with xr.open_dataset(output) as dataset:
        return dataset.load()


def test_spin_up_hands_over_its_state(files, tmp_path):
    """A run after N cycles begins where the run after N - 1 ended."""
    once, twice = (spun_up(files, tmp_path, years) for years in (1, 2))
    assert abs(once.SoilTemp[0, 4] - twice.SoilTemp[0, 4]) > 1e-6
    state = {
        "T": once.SoilTemp.values[-1].tolist(),
        "Ws": float(once.SWE[-1]),
        "Wr": float(once.RootMoist[-1]),
        "Wg": float(once.GroundWater[-1]),
    }
    begin = {"initial-state": json_file(tmp_path / "end.json", state), "output": tmp_path / "on.nc"}
    assert simulate(**files | begin) == 0
    with xr.open_dataset(tmp_path / "on.nc") as dataset:
        np.testing.assert_allclose(dataset.SoilTemp, twice.SoilTemp, rtol=1e-10)


def test_run_begins_with_the_state_of_another(files, tmp_path, capsys):
    """The second half of a run, from the state that the first half ends with, and not from another time."""
    whole = spun_up(files, tmp_path, 1)
    with xr.open_dataset(files["forcing"]) as dataset:
        dataset.isel(time=slice(ROWS // 2, None)).to_netcdf(tmp_path / "half.nc")
        dataset.assign_coords(time=dataset.time + np.timedelta64(9, "D")).to_netcdf(tmp_path / "later.nc")
    options = {
        "forcing": tmp_path / "half.nc",
        "initial-state": tmp_path / "1.nc",
        "output": tmp_path / "on.nc",
    }
    assert simulate(**files | options) == 0
    with xr.open_dataset(tmp_path / "on.nc") as dataset:
        for name in ("SoilTemp", "RootMoist", "Qh"):
            np.testing.assert_array_equal(dataset[name], whole[name][ROWS // 2 :])
    assert simulate(**files | options | {"forcing": tmp_path / "later.nc"}) == 2
    assert "1.nc: has no state at 2013-01-10T00:00, where the forcing begins" in capsys.readouterr().err
    with xr.open_dataset(tmp_path / "1.nc") as dataset:
        dataset.assign_attrs(site_id="YY-Oth").to_netcdf(tmp_path / "other.nc")
    assert simulate(**files | options | {"initial-state": tmp_path / "other.nc"}) == 2
    assert "other.nc: is of site YY-Oth, expected XX-Tst" in capsys.readouterr().err
    assert simulate(**files | options | {"initial-state": files["forcing"]}) == 2
    assert "has no states, expected a run of lad simulate" in capsys.readouterr().err


def test_segments_run_for_themselves(files, tmp_path, capsys):
    two = forcing_file(tmp_path / "two.nc", segments=2)
    dataset = spun_up(files, tmp_path, 1, forcing=two)
    assert (dataset.segment.values == np.repeat([0, 1], ROWS // 2)).all()
    assert simulate(**files | {"forcing": two, "output": tmp_path / "none.nc"}) == 2
    assert "several segments" in capsys.readouterr().err


@pytest.mark.parametrize("integrator", ["original-1", "fast-1"])
def test_soil_freezes(files, tmp_path, integrator):
    content = case("year_temperate").content
    freezing = content | {"params": content["params"] | {"Fmax": [1e8] * 5}}
    options = {"parameters": json_file(tmp_path / "p.json", freezing), "output": tmp_path / "out.nc"}
    assert simulate(**files | options | {"integrator": integrator}) == 0
    with xr.open_dataset(tmp_path / "out.nc") as dataset:
        assert dataset.SoilIce.dims == ("time", "soil_layer") and float(dataset.SoilIce.max()) > 1e6
        assert dataset.attrs["max_water_residual"] < 1e-12


def test_fluxes_of_ground_water_that_rises(files, tmp_path):
    content = case("year_temperate").content
    rising = content | {"params": content["params"] | {"rise_time": 1e6, "inflow": 1e-5}}
    options = {"parameters": json_file(tmp_path / "p.json", rising), "output": tmp_path / "out.nc"}
    assert simulate(**files | options) == 0
    with xr.open_dataset(tmp_path / "out.nc") as dataset:
        assert (dataset.Qinflow == 1e-5).all() and dataset.attrs["max_water_residual"] < 1e-12
        assert dataset.Qrise.min() >= 0.0 and dataset.Qrise.attrs["units"] == "kg m-2 s-1"


def write_model(path, files, law):
    """A model file of `law` and the parameters of `files`."""
    parameters = from_json(read_json(files["parameters"]), "parameters")
    save_model(path, Model(parameters, law), ModelSettings(law="mlp", states=True, hidden=(16, 16)))


def trained(files, path):
    """Options of a run of the model file `path`."""
    return files | {"model": path, "parameters": None}


def test_trained_law_is_used(files, made, tmp_path):
    path = tmp_path / "seed0.eqx"
    write_model(path, files, network())
    assert simulate(**trained(files, path) | {"output": tmp_path / "out.nc"}) == 0
    with xr.open_dataset(tmp_path / "out.nc") as dataset:
        assert np.abs(dataset.Qh - made.Qh).max() > 10.0
        assert dataset.attrs["max_energy_residual"] < 1e-6
        assert "model" in json.loads(dataset.attrs["provenance"])["inputs"]


def test_models_run_in_one_call_as_they_do_alone(files, tmp_path, capsys):
    seeds, alone, together = (
        [tmp_path / f"{name}{seed}.{ending}" for seed in range(2)]
        for name, ending in (("seed", "eqx"), ("alone", "nc"), ("together", "nc"))
    )
    for seed, (model, output) in enumerate(zip(seeds, alone, strict=True)):
        write_model(model, files, network(seed))
        assert simulate(forcing=files["forcing"], model=model, output=output) == 0
    command = ["simulate", "--forcing", str(files["forcing"]), "--model", *map(str, seeds), "--output"]
    assert main([*command, *map(str, together)]) == 0
    for one, other in zip(alone, together, strict=True):
        with xr.open_dataset(one) as expected, xr.open_dataset(other) as found:
            xr.testing.assert_equal(found, expected)
            by_model = [
                json.loads(run.attrs["provenance"])["inputs"]["model"]["sha256"] for run in (found, expected)
            ]
            assert by_model[0] == by_model[1]
    capsys.readouterr()
    together[0].unlink()
    command[5] = str(files["parameters"])  # the second is no trained model
    assert main([*command, *map(str, together)]) == 2 and not together[0].exists()
    assert "parameters.json" in capsys.readouterr().err
    assert main([*command, str(together[0])]) == 2
    assert (
        capsys.readouterr().err == "lad simulate: error: --output: found 1, expected 2, one for each model\n"
    )


def bad_options(files, folder):
    """What may be wrong: a function that makes it so and gives the options, and a word of the message."""
    content = case("year_temperate").content
    params = content["params"]

    def parameters(**changes):
        return lambda: {"parameters": json_file(folder / "p.json", content | changes)}

    def weather(**changes):
        return lambda: {"forcing": forcing_file(folder / "f.nc", **changes)}

    def state(given):
        return lambda: {"initial-state": json_file(folder / "s.json", given)}

    wet = np.zeros(ROWS)
    wet[7] = np.nan
    return {
        "no forcing": (lambda: {"forcing": folder / "absent.nc"}, "absent.nc"),
        "no parameters": (lambda: {"parameters": folder / "absent.json"}, "absent.json"),
        "pressure in hPa": (weather(Psurf=1000.0), "Psurf"),
        "temperature in Celsius": (weather(Tair=15.0), "Tair"),
        "gap in the rain": (weather(Rainf=wet), "Rainf"),
        "other height": (parameters(z_ref_m=40.0), "reference_height"),
        "one layer freezes": (parameters(params=params | {"Fmax": [1e8]}), "Fmax"),
        "negative rain": (weather(Rainf=-1e-6), "Rainf"),
        "rough as high": (parameters(params=params | {"z0": 19.0}, z_ref_m=19.0), "z0"),
        "list of parameters": (lambda: {"parameters": json_file(folder / "l.json", [1, 2])}, "params"),
        "no params": (lambda: {"parameters": json_file(folder / "e.json", {})}, "params"),
        "four layers": (state({"T": [280.0] * 4, "Ws": 0, "Wr": 0, "Wg": 0}), "4 soil layers"),
        "not a state": (state([]), "s.json"),
        "law of the original": (
            lambda: trained(files, files["output"]) | {"integrator": "original-1"},
            "--model",
        ),
        "not a law": (lambda: trained(files, files["parameters"]), "not a trained model"),
        "no steps": (lambda: {"integrator": "fast-0"}, "integrator 'fast-0'"),
    }


def test_bad_input_is_one_line_and_writes_nothing(files, tmp_path, capsys, subtests):
    output = tmp_path / "out" / "out.nc"
    for name, (make, word) in bad_options(files, tmp_path).items():
        with subtests.test(name):
            assert simulate(**files | make() | {"output": output}) == 2
            error = capsys.readouterr().err
            assert error.startswith("lad simulate: error: ") and error.count("\n") == 1 and word in error
            assert not output.parent.exists() or not list(output.parent.iterdir())


def test_numbers_that_are_not_finite_are_not_written(files, tmp_path, capsys):
    """A law without finite weights breaks the first interval."""
    path, output = tmp_path / "broken.eqx", tmp_path / "out.nc"
    write_model(path, files, network(scale=np.nan))
    assert simulate(**trained(files, path) | {"output": output}) == 2
    error = capsys.readouterr().err
    assert "2013-01-01T00:00" in error and error.count("\n") == 1
    assert not output.exists()
