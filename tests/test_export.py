"""Files for modelevaluation.org: what docs/evaluation.md says of them, and that the reader of PLUMBER2 takes them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from learning_tower import write_tower

from lad.cli import main
from lad.io import write_json, write_netcdf
from lad.parameters import table_parameters, to_json
from lad.towers.alma import read_alma

SITE = {"site_id": "XX-Tst", "name": "A field", "latitude": 41.6, "longitude": -83.3, "elevation": 180.0}
SITE |= {"utc_offset_hours": -5.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Forcing, parameters, and two runs of five days that differ in r_s."""
    folder = write_tower(tmp_path_factory.mktemp("export"))
    with xr.open_dataset(folder / "forcing.nc") as dataset:
        forcing = dataset.load().isel(time=slice(0, 48 * 5)).drop_encoding()
    forcing.attrs |= {"site_id": "XX-Tst", "provenance": json.dumps({"settings": {"site": SITE}})}
    write_netcdf(folder / "forcing.nc", forcing)
    for seed, cover in enumerate((6, 4)):
        write_json(folder / f"{seed}.json", to_json(table_parameters(cover, 2, 10.0)))
        command = ["simulate", "--forcing", str(folder / "forcing.nc"), "--integrator", "euler-1"]
        command += ["--parameters", str(folder / f"{seed}.json"), "--spinup-passes", "0"]
        assert main([*command, "--output", str(folder / f"{seed}.nc")]) == 0
    return folder


def export(files, *options, site="XX-Tst"):
    """Status of `lad export` to out.nc."""
    command = ["export", "--site", site, "--model-name", "LaD", "--forcing", str(files / "forcing.nc")]
    return main([*command, "--output", str(files / "out.nc"), "--simulation", *options])


def test_variables_are_those_of_the_docs_with_the_signs_of_the_run(files):
    assert export(files, str(files / "0.nc"), "--parameters", str(files / "0.json")) == 0
    page = (Path(__file__).parent.parent / "docs/evaluation.md").read_text(encoding="utf-8")
    table = re.findall(
        r"^\| `(\w+)` \| (\S+) \| (\w*) ?\| (.*) \|$", page.partition("## Export to")[2], re.MULTILINE
    )
    with xr.open_dataset(files / "out.nc") as out, xr.open_dataset(files / "0.nc") as run:
        found = [
            (name, out[name].units, out[name].attrs.get("positive", ""), out[name].long_name)
            for name in out
            if out[name].dims == ("time", "y", "x")
        ]
        assert found == table and len(table) == 12
        for name, _, positive, _ in table[:-1]:
            assert positive == run[name].attrs.get("positive", "")
            np.testing.assert_allclose(out[name].values.ravel(), run[name].values, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(out.AvgSurfT.values.ravel(), run.SoilTemp.values[:, 0], rtol=1e-6)
        assert out.attrs["site_code"] == "XX-Tst" and out.attrs["utc_offset_hours"] == -5.0
        assert out.latitude.dims == ("y", "x") and out.latitude.item() == 41.6
        assert out.parameter_rs.item() == 56.6 and out.parameter_rs.units == "s/m"
        assert "parameters" in json.loads(out.attrs["provenance"])["inputs"]


def test_what_has_fluxes_alone_is_exported_too(files):
    with xr.open_dataset(files / "0.nc") as run:
        write_netcdf(files / "mean.nc", run.load()[["Qle", "Qh", "time_bnds"]].drop_encoding())
    assert export(files, str(files / "mean.nc")) == 0
    with xr.open_dataset(files / "out.nc") as out:
        assert [name for name in out if out[name].dims == ("time", "y", "x")] == ["Qle", "Qh"]


def test_the_reader_of_plumber2_takes_means_over_seeds(files):
    assert export(files, *(str(files / f"{seed}.nc") for seed in (0, 1))) == 0
    index, step, values, *_ = read_alma(files / "out.nc", "XX-Tst")
    runs = [xr.open_dataset(files / f"{seed}.nc") for seed in (0, 1)]
    assert step == 1800 and (index == runs[0].time.to_index()).all()
    for name in ("Qle", "Qh"):
        np.testing.assert_allclose(values[name], (runs[0][name] + runs[1][name]) / 2, rtol=1e-5, atol=1e-5)
    with xr.open_dataset(files / "out.nc") as out:
        spread = np.abs(runs[0].Qle - runs[1].Qle).values / np.sqrt(2.0)
        np.testing.assert_allclose(out.Qle_sd.values.ravel(), spread, rtol=1e-4, atol=1e-5)
        assert spread.max() > 1.0 and not [name for name in out if name.startswith("parameter")]


def test_runs_of_another_site_or_time_are_refused(files, capsys):
    assert export(files, str(files / "0.nc"), site="XX-Oth") == 2
    assert "forcing.nc: is of site XX-Tst, expected XX-Oth" in capsys.readouterr().err
    with xr.open_dataset(files / "1.nc") as run:
        write_netcdf(files / "short.nc", run.load().isel(time=slice(0, -1)).drop_encoding())
    assert export(files, str(files / "0.nc"), str(files / "short.nc")) == 2
    assert "short.nc: its times differ from those of" in capsys.readouterr().err
    assert export(files, str(files / "0.nc"), "--model", "a.eqx", "b.eqx") == 2
    assert "--model: found 2, expected 1, one for each --simulation" in capsys.readouterr().err
