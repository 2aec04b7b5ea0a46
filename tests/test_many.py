"""What is known of a tower without its fluxes, physical parameters by it, and networks that are trained further."""

import json
import shutil

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from learning_tower import rewrite
from learning_towers import LAW, SETTINGS, train_command, write_towers
from PIL import Image
from test_multi_site import read, save, untrained

from lad.cli import main
from lad.constants import DAY
from lad.errors import InputError
from lad.evaluation.metrics import METRICS
from lad.evaluation.scores import SCORE_COLUMNS, TRANSFER_COLUMNS
from lad.io import read_netcdf, write_csv, write_netcdf
from lad.periods import read_periods
from lad.settings import ModelSettings
from lad.training import climate
from lad.training.files import hybrids_to_begin_with, load_hybrid, save_hybrid
from lad.training.hybrid import Hybrid
from lad.training.sites import read_site, unseen_anchor


def weather(rain, years=3, air=288.16):
    """Daily forcing of some years. `rain` (kg m-2 a day) and `air` (K) may vary with the day of the year."""
    time = pd.date_range("2001-01-01", periods=365 * years, freq="D")
    day = np.arange(time.size) % 365
    daily = {"SWdown": 200.0, "LWdown": 330.0, "Psurf": 100e3, "Snowf": 0.0, "Rainf": rain / DAY, "Tair": air}
    values = {name: ("time", np.broadcast_to(x, 365)[day]) for name, x in daily.items()}
    return xr.Dataset(values, {"time": time})


def test_aridity_is_potential_evaporation_over_precipitation():
    """Priestley & Taylor at 15 degC: the slope of the saturation curve is 110 Pa/K, the psychrometric one 65 Pa/K."""
    net = 0.8 * 200.0 + 330.0 - 5.67e-8 * 288.16**4
    potential = 1.26 * 110.0 / (110.0 + 65.0) * net / 2.5e6 * DAY
    assert climate.aridity(weather(2.0)) == pytest.approx(np.log(potential / 2.0), abs=0.02)
    assert climate.aridity(weather(2.0)) - climate.aridity(weather(4.0)) == pytest.approx(np.log(2.0))


def test_seasonality_is_half_the_range_of_the_months():
    cosine = 283.16 + 10.0 * np.cos(2 * np.pi * (np.arange(365) - 15) / 365)
    assert climate.seasonality(weather(2.0, air=cosine)) == pytest.approx(9.9, abs=0.1)


def test_a_root_zone_holds_what_a_dry_season_takes():
    """Rain of half a year, of which Budyko's share evaporates evenly: the other half takes half of that."""
    rain = np.where(np.arange(365) < 182, 4.0, 0.0)
    fallen, dryness = rain.mean(), np.exp(climate.aridity(weather(rain)))
    share = np.sqrt(dryness * np.tanh(1 / dryness) * (1 - np.exp(-dryness)))
    assert climate.root_zone(weather(rain)) == pytest.approx(share * fallen * 183, rel=0.02)
    assert climate.root_zone(weather(fallen)) < 1.0  # kg m-2: what falls every day needs no store


def test_a_root_zone_by_climate_is_the_same_at_a_tower_that_is_known_and_at_one_that_is_not(towers, tmp_path):
    folder = shutil.copytree(towers / "XX-Two", tmp_path / "XX-Two")
    files = folder / "forcing.nc", folder / "observations.nc"
    periods = read_periods(folder / "periods.json", "train", "validation")
    for daily, larger in ((1.0, False), (40.0, True)):  # mm on the first days, then none

        def change(dataset, daily=daily):
            rain = np.where(np.arange(dataset.sizes["time"]) < 48 * 9, daily / DAY, 0.0)
            dataset["Rainf"] = ("time", rain, dataset["Rainf"].attrs)

        rewrite(files[0], change)
        site = read_site("XX-Two", *files, **periods, root_zone="climate")
        unseen = unseen_anchor(files[0], 10.0, (), "climate")
        capacity, table = climate.root_zone(read_netcdf(files[0])), float(site.anchor.space.table.Wmax)
        assert (capacity > table) == larger
        for anchor in (site.anchor, unseen):
            begun = float(anchor.space.parameters(jnp.asarray(anchor.origin)).Wmax)
            assert begun == pytest.approx(max(capacity, table), rel=1e-4)


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """Folder with the files of all sites."""
    return write_towers(tmp_path_factory.mktemp("towers"))


def test_physical_parameters_depart_by_the_attributes_of_a_tower(towers, tmp_path):
    sites, law = read(towers, ["XX-One", "XX-Two"]), LAW | {"mapping": True}
    plain = untrained(sites)
    mapping = jnp.zeros((8, 3)).at[0, 2].set(0.5)  # of r_s by the height of the canopy, 0.5 and 1.5 m
    hybrid = Hybrid(plain.law, jnp.full(8, 0.1), mapping)
    for site, scaled in zip(sites, (-1.0, 1.0), strict=True):
        departure = (
            hybrid.at(site.anchor).parameters.rs,
            site.anchor.origin + 0.1 + 0.5 * scaled * np.eye(8)[0],
        )
        assert departure[0] == pytest.approx(float(site.anchor.space.parameters(departure[1]).rs))
    without = Hybrid(plain.law, jnp.full(8, 0.1), jnp.zeros((8, 3))).at(sites[0].anchor)
    assert eqx.tree_equal(without, Hybrid(plain.law, jnp.full(8, 0.1)).at(sites[0].anchor))

    def resistance(free):
        return hybrid.with_free(free).at(sites[0].anchor).parameters.rs

    assert jax.grad(resistance)(hybrid.free()).mapping[0, 2] < 0.0
    save(tmp_path / "seed0.eqx", hybrid, sites, {}, law)
    again, settings = load_hybrid(tmp_path / "seed0.eqx")
    assert eqx.tree_equal(again, hybrid) and settings == ModelSettings(**law)
    unseen = unseen_anchor(towers / "XX-Thr" / "forcing.nc", 10.0, LAW["attributes"])
    expected = unseen.space.parameters(unseen.origin + 0.1 + 0.5 * 3.0 * np.eye(8)[0])  # its canopy has 2.5 m
    assert again.at(unseen).parameters.rs == pytest.approx(float(expected.rs))


def test_a_network_of_others_is_trained_further_at_a_tower(towers, tmp_path, capsys):
    others = read(towers, ["XX-Two", "XX-Thr"])
    settings, begun = ModelSettings(**LAW | {"mapping": True}), [untrained(others, seed) for seed in (3, 4)]
    anchors = {site.site_id: site.anchor for site in others}
    paths = [tmp_path / f"begin{number}.eqx" for number in (0, 1)]
    for path, hybrid in zip(paths, begun, strict=True):
        save_hybrid(path, Hybrid(hybrid.law, jnp.ones(8), jnp.ones((8, 3))), settings, anchors, {})
    folder, output = towers / "XX-One", tmp_path / "further"
    command = [
        *("train", "--site", "XX-One", "--forcing", str(folder / "forcing.nc"), "--integrator", "euler-1"),
        *("--observations", str(folder / "observations.nc"), "--periods", str(folder / "periods.json")),
        *("--parameters", str(folder / "parameters.json"), "--settings", json.dumps(SETTINGS)),
        *("--output-directory", str(output), "--begin", *map(str, paths), "--model-settings"),
    ]
    assert main([*command, json.dumps(LAW)]) == 0
    for number, hybrid in enumerate(begun):
        path = output / f"seed{number}.eqx"
        header = json.loads(path.read_bytes().split(b"\n", 1)[0])
        assert "begin 1" in header["provenance"]["inputs"] and header["provenance"]["settings"]["seeds"] == 2
        assert np.abs(header["shift"]).max() <= SETTINGS["steps"] * SETTINGS["learning_rate"]
        with open(path, "rb") as file:
            file.readline()  # of JSON, which the arrays follow
            law = eqx.tree_deserialise_leaves(file, hybrid.law)
        assert eqx.tree_equal(law.network.scaling, hybrid.law.network.scaling)
        moved = [
            np.abs(a.weight - b.weight).max()
            for a, b in zip(law.network.layers, hybrid.law.network.layers, strict=True)
        ]
        assert 0.0 < max(moved) <= 1.1 * SETTINGS["steps"] * SETTINGS["learning_rate"]
    assert main([*command, json.dumps(LAW | {"hidden": [8]})]) == 2
    assert "begin0.eqx: is a network of another model: hidden " in capsys.readouterr().err
    del command[command.index("--parameters") : command.index("--parameters") + 2]
    assert main([*command, json.dumps(LAW)]) == 2
    assert "--begin: expected --parameters, calibrated at each site" in capsys.readouterr().err
    another = untrained(read(towers, ["XX-One"]))
    save_hybrid(paths[1], Hybrid(another.law, jnp.ones(8)), ModelSettings(**LAW), anchors, {})
    with pytest.raises(InputError, match=r"begin1.eqx: is of another training than .*begin0.eqx"):
        hybrids_to_begin_with(paths, ModelSettings(**LAW))


def test_training_moves_the_mapping(towers, tmp_path):
    command = train_command(towers, tmp_path / "out", steps=6)
    place = command.index("--model-settings") + 1
    command[place] = json.dumps(LAW | {"mapping": True})
    assert main(command) == 0
    moved = [load_hybrid(tmp_path / "out" / f"seed{seed}.eqx")[0].mapping for seed in (0, 1)]
    limit = 6 * SETTINGS["learning_rate"]
    assert 0.0 < max(np.abs(x).max() for x in moved) <= 1.1 * limit


def test_years_go_on_from_a_network_of_others(towers, tmp_path, capsys):
    """Of one step, so that the fine-tuned model keeps nearly the fluxes of the network, and another seed's do not."""
    folder, others = towers / "XX-One", read(towers, ["XX-Two", "XX-Thr"])
    anchors = {site.site_id: site.anchor for site in others}
    save_hybrid(tmp_path / "begin.eqx", untrained(others, 3), ModelSettings(**LAW), anchors, {})
    calibration = {
        "starts": 1,
        "steps": 1,
        "batch": 1,
        "window_days": [1],
        "refresh": 1,
        "integrator": "euler-1",
    }
    own = {"model": LAW, "training": SETTINGS | {"steps": 1}}
    command = [
        *("years", "--site", "XX-One", "--forcing", str(folder / "forcing.nc"), "--seeds", "1"),
        *("--observations", str(folder / "observations.nc"), "--periods", str(folder / "periods.json")),
        *("--calibration", json.dumps(calibration), "--spinup-passes", "0", "--integrator", "euler-1"),
        *("--models", json.dumps({"models": {"alone": own, "fine_tuned": own}})),
        *("--output", str(tmp_path / "scores.csv"), "--begin"),
    ]
    assert main([*command, f"fine_tuned/0={tmp_path / 'begin.eqx'}"]) == 0
    scores = pd.read_csv(tmp_path / "scores.csv").query("seed == 'ensemble' or model == 'bulk'")
    assert set(scores.model) == {"bulk", "alone", "fine_tuned"}
    assert scores.groupby("model").rmse.first().nunique() == 3
    record = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert "begin fine_tuned/0" in record["inputs"]
    assert main([*command, f"tuned/0={tmp_path / 'begin.eqx'}"]) == 2
    assert "--begin tuned: expected one of --models, alone, fine_tuned" in capsys.readouterr().err


def test_skill_by_years_known(tmp_path):
    row = dict.fromkeys(METRICS, 1.0) | {
        "site": "XX-One",
        "target": "LE",
        "period": "p",
        "n": 9,
        "n_not_known": 0,
    }
    known = [("bulk", ""), ("residual", "ensemble"), ("residual", "0"), ("fine_tuned", "ensemble")]
    for years in (1, 4):
        rows = [row | {"model": model, "seed": seed, "rmse": 50.0 - years} for model, seed in known]
        rows += [one | {"target": "H"} for one in rows]
        write_csv(tmp_path / f"{years}.csv", pd.DataFrame(rows)[SCORE_COLUMNS])
    fitted = [("bulk", "", "nothing"), ("3km27", "", "others"), ("multi_site", "ensemble", "others")]
    fitted += [("multi_site", "ensemble", "all"), ("2lin", "", "others"), ("residual", "ensemble", "itself")]
    rows = [row | {"model": m, "seed": s, "fitted_on": on, "rmse": 60.0} for m, s, on in fitted]
    rows += [one | {"target": "H"} for one in rows] + [one | {"site": "XX-Two"} for one in rows]
    write_csv(tmp_path / "multi_site.csv", pd.DataFrame(rows)[TRANSFER_COLUMNS])
    command = ["fine-tuning", "--scores", *(f"XX-One/{years}={tmp_path}/{years}.csv" for years in (1, 4))]
    command += [
        "--multi-site",
        str(tmp_path / "multi_site.csv"),
        "--output",
        str(tmp_path / "fine_tuning.csv"),
    ]
    command += ["--table", str(tmp_path / "table.md"), "--figure", str(tmp_path / "figure.png")]
    assert main(command) == 0
    found = pd.read_csv(tmp_path / "fine_tuning.csv").query("target == 'LE'")
    assert set(found.site) == {"XX-One"}
    assert {years: set(rows.name) for years, rows in found.groupby("years")} == {
        0: {"LaD a priori", "3km27 of the others", "multi-site, without it"},
        **{key: {"LaD calibrated", "residual", "fine-tuned"} for key in (1, 4)},
    }
    assert dict(found[found.name == "fine-tuned"][["years", "rmse"]].to_numpy()) == {1: 49.0, 4: 46.0}
    assert "| XX-One | 4 |" in " ".join((tmp_path / "table.md").read_text(encoding="utf-8").split())
    with Image.open(tmp_path / "figure.png") as image:
        assert "multi_site" in json.loads(image.text["provenance"])["inputs"]


def test_towers_of_a_study_by_place_climate_and_type(tmp_path, capsys):
    place = {"name": "A field", "latitude": 40.0, "longitude": -100.0, "elevation": 200.0}
    files, rows = [], []
    for number, igbp in enumerate(["CRO", "MF", "CRO"]):
        site, forcing = f"XX-00{number}", weather(2.0 + number, years=2, air=283.15 + number)
        record = {"settings": {"site": place | {"site_id": site, "igbp": igbp}}}
        forcing.attrs |= {"site_id": site, "provenance": json.dumps(record)}
        write_netcdf(tmp_path / f"{site}.nc", forcing)
        files.append(f"{site}={tmp_path / site}.nc")
        scores = dict.fromkeys(METRICS, 0.5) | {
            "site": site,
            "period": "p",
            "n": 9,
            "n_not_known": 0,
            "seed": "",
        }
        rows += [
            scores | {"target": target, "model": model} for target in ("LE", "H") for model in ("bulk", "mlp")
        ]
    write_csv(tmp_path / "scores.csv", pd.DataFrame(rows)[SCORE_COLUMNS])
    command = [
        "towers",
        "--scores",
        str(tmp_path / "scores.csv"),
        "--output-directory",
        str(tmp_path),
        "--forcing",
    ]
    assert main([*command, *files]) == 0
    towers = pd.read_csv(tmp_path / "towers.csv", index_col="site")
    assert list(towers.igbp) == ["CRO", "MF", "CRO"] and list(towers.air) == [10.0, 11.0, 12.0]
    np.testing.assert_allclose(towers.precipitation, [730.5, 1095.75, 1461.0])
    assert (towers.years == 2.0).all() and (np.diff(towers.aridity) < 0).all()
    for name in ("towers", "by_type"):
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.size[0] > 500 and "scores" in json.loads(image.text["provenance"])["inputs"]
    write_netcdf(tmp_path / "bare.nc", weather(2.0, years=1))
    assert main([*command, f"XX-000={tmp_path / 'bare.nc'}"]) == 2
    assert "bare.nc: does not state its site, expected a file of lad forcing" in capsys.readouterr().err
