"""Empirical baselines: what they may see, what they can learn, and that their files are as simulations are."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from evaluation_site import lad, write_periods
from learning_tower import rewrite

from lad.baselines import lstm, plumber, regression, transfer
from lad.baselines.data import BaselineData, baseline_data, with_antecedents
from lad.errors import InputError
from lad.evaluation.models import BASELINES
from lad.forcing import make_forcing
from lad.io import write_netcdf
from lad.periods import mask, parse_periods

SITE = "XX-Tst"
DAYS = 240
TRAIN, VALIDATION, TEST = "2013-01-01:2013-06-19", "2013-03-01:2013-03-20", "2013-06-20:2013-08-28"
TIME = np.datetime64("2013-01-01", "ns") + np.arange(24 * DAYS) * np.timedelta64(1, "h")


def weather() -> dict[str, np.ndarray]:
    """Hours of sun, with a shower now and then."""
    rng = np.random.default_rng(1)
    t = (np.arange(24 * DAYS) + 0.5) / 24
    return {
        "SWdown": np.maximum(0.0, 800 * np.sin(2 * np.pi * (t % 1 - 0.25))),
        "LWdown": 330 + 20 * np.sin(t / 3),
        "Tair": 291 + 6 * np.sin(2 * np.pi * (t % 1 - 0.375)) + np.sin(t),
        "Qair": 0.008 + 0.001 * np.sin(t / 2),
        "Psurf": np.full_like(t, 98e3),
        "Wind": 2.5 + np.sin(t),
        "Rainf": np.where(rng.random(t.size) < 0.005, 2e-3, 0.0),
        "Snowf": np.zeros_like(t),
    }


def wetness(rain: np.ndarray) -> np.ndarray:
    """A store of five days between 0 and 1, of what a shower leaves behind."""
    stored, wet = 0.0, np.empty_like(rain)
    for hour, fallen in enumerate(rain):
        stored = min(1.0, stored * np.exp(-1 / 120) + (fallen > 0))
        wet[hour] = stored
    return wet


def write_tower(folder: Path, met: dict[str, np.ndarray], Qle: np.ndarray, Qh: np.ndarray) -> list[object]:
    """Files of a tower; return the options of `lad baselines` but for the name."""
    folder.mkdir(exist_ok=True)
    forcing = xr.Dataset({k: ("time", v) for k, v in met.items()}, {"time": TIME}, {"site_id": SITE})
    forcing["reference_height"] = 10.0
    flags = np.zeros(len(TIME), np.int8)
    flags[100:110] = 2
    fluxes = {"Qle": Qle, "Qh": Qh, "Qle_qc": flags, "Qh_qc": flags}
    observed = xr.Dataset({k: ("time", v) for k, v in fluxes.items()}, {"time": TIME}, {"site_id": SITE})
    write_netcdf(folder / "forcing.nc", forcing)
    write_netcdf(folder / "observations.nc", observed)
    periods = write_periods(folder / "periods.json", TRAIN, VALIDATION, TEST)
    files = ["--forcing", folder / "forcing.nc", "--observations", folder / "observations.nc"]
    return [*files, "--periods", periods]


@pytest.fixture
def tower(tmp_path):
    """A tower whose latent heat remembers the rain of the days before, and whose sensible heat is a line."""
    met = weather()
    noise = np.random.default_rng(2).normal(0, 3, len(TIME))
    Qle = met["SWdown"] * (0.05 + 0.45 * wetness(met["Rainf"])) + noise
    return write_tower(tmp_path / "tower", met, Qle, 0.3 * met["SWdown"] + 10)


def data_of(tower: list[object]) -> BaselineData:
    return baseline_data(tower[1], tower[3], parse_periods([TRAIN]), parse_periods([VALIDATION]))


def nse(simulated: np.ndarray, observed: np.ndarray) -> float:
    return 1 - np.mean((simulated - observed) ** 2) / np.var(observed)


@pytest.fixture
def short(monkeypatch):
    """Fits that take a second: what they may see does not depend on their length."""
    monkeypatch.setattr(regression, "TREES", regression.TREES | {"max_iter": 20})
    monkeypatch.setattr(regression, "EPOCHS", 2)
    monkeypatch.setattr(lstm, "VALIDATIONS", 1)
    monkeypatch.setattr(lstm, "MEMORY", 5)
    monkeypatch.setattr(lstm, "VALIDATE_EVERY", 5)


def made(name: str, tower: list[object], folder: Path) -> dict[str, Path]:
    """Files that the step writes, by their names in the folder."""
    lad("baselines", "--name", name, *tower, "--seeds", 2, "--output-directory", folder)
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.nc"))}


def fluxes(path: Path) -> bytes:
    with xr.open_dataset(path) as dataset:
        return dataset.Qle.values.tobytes() + dataset.Qh.values.tobytes()


@pytest.mark.parametrize("name", BASELINES)
def test_equal_inputs_give_equal_files_and_no_flux_outside_training_counts(name, tower, tmp_path, short):
    first, again = made(name, tower, tmp_path / "1"), made(name, tower, tmp_path / "2")
    expected = ["seed0.nc", "seed1.nc"] if name in ("ann", "lstm") else [f"{name}.nc"]
    assert [Path(file).name for file in first] == expected
    assert [p.read_bytes() for p in first.values()] == [p.read_bytes() for p in again.values()]

    def change(rows: np.ndarray):
        def added(dataset: xr.Dataset) -> None:
            for flux in ("Qle", "Qh"):
                dataset[flux][rows] += 100 + 50 * np.sin(np.arange(rows.sum()))

        return added

    tested = mask(TIME, parse_periods([TEST]))
    tested[100:110] = True  # not usable
    rewrite(tower[3], change(tested))
    without = made(name, tower, tmp_path / "3")
    assert list(map(fluxes, first.values())) == list(map(fluxes, without.values()))
    rewrite(tower[3], change(mask(TIME, parse_periods(["2013-02-01:2013-02-20"]))))
    other = made(name, tower, tmp_path / "4")
    assert all(fluxes(first[file]) != fluxes(other[file]) for file in first)


def test_file_is_a_simulation_with_units_site_and_origin(tower, tmp_path):
    with xr.open_dataset(made("1lin", tower, tmp_path)["1lin.nc"]) as dataset:
        assert dataset.attrs["site_id"] == SITE and '"baseline": "1lin"' in dataset.attrs["provenance"]
        assert (dataset.time.values == TIME).all()
        assert dataset.Qle.attrs["units"] == "W m-2" and dataset.Qh.attrs["positive"] == "up"
    options = ["--observations", tower[3], "--forcing", tower[1], "--periods", tower[5], "--site", SITE]
    scores = tmp_path / "scores.csv"
    lad("evaluate", *options, "--simulation", f"1lin={tmp_path / '1lin.nc'}", "--output", scores)
    assert f"{SITE},H,1lin" in scores.read_text()


def test_linear_fits_by_hand():
    sun, flux = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 4.0])
    assert plumber.fit_linear(sun, flux)(np.array([[0.0], [4.0]])) == pytest.approx([5 / 6, 5 / 6 + 6])
    plane = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    predict = plumber.fit_linear(plane, 3 + plane @ [2.0, -1.0])
    assert predict(np.array([[5.0, 7.0]])) == pytest.approx([6.0])
    assert plumber.fit_mean(sun, flux)(sun[:2]) == pytest.approx([7 / 3, 7 / 3])


def test_mean_and_line_of_the_training_half_hours(tower, tmp_path):
    data = data_of(tower)
    sun = weather()["SWdown"]
    trained = mask(TIME, parse_periods([TRAIN])) & ~mask(TIME, parse_periods([VALIDATION]))
    trained[100:110] = False
    forcing = data.record.forcing
    assert plumber.predict("mean", [data], forcing)[:, 1] == pytest.approx(0.3 * sun[trained].mean() + 10)
    assert plumber.predict("1lin", [data], forcing)[:, 1] == pytest.approx(0.3 * sun + 10)
    assert plumber.predict("2lin", [data], forcing)[:, 1] == pytest.approx(0.3 * sun + 10)


def test_clusters_follow_what_a_plane_cannot(tmp_path):
    """A flux that bends where the sun is high."""
    met = weather()
    bent = np.maximum(met["SWdown"] - 400, 0)
    data = data_of(write_tower(tmp_path, met, bent, bent))
    clusters, plane = (plumber.predict(name, [data], data.record.forcing)[:, 0] for name in ("3km27", "2lin"))
    assert np.std(clusters - bent) < 0.3 * np.std(plane - bent)


@pytest.mark.parametrize("name", ["gbt", "ann", "lstm"])
def test_memory_of_rain_is_learnt(name, tower, monkeypatch):
    """The latent heat of the tower depends on rain of the days before, which the clusters do not see."""
    monkeypatch.setattr(lstm, "MEMORY", 20)  # four times that of the tower
    data = data_of(tower)
    with xr.open_dataset(tower[3]) as dataset:
        tested, LE = mask(TIME, parse_periods([TEST])), dataset.Qle.values
    clusters = plumber.predict("3km27", [data], data.record.forcing)[tested, 0]
    fit = lstm.predict(data, 1) if name == "lstm" else regression.predict(name, data, 1)
    assert nse(clusters, LE[tested]) < 0.6 < 0.8 < nse(fit[0, tested, 0], LE[tested])


def test_antecedents_are_means_of_the_past_and_end_at_a_break(tower):
    met = weather() | {"Rainf": np.zeros(len(TIME))}
    met["Rainf"][50] = 1e-3
    data = data_of(tower)
    forcing = dataclasses.replace(make_forcing(**met), VPD=data.record.forcing.VPD)
    segment = (np.arange(len(TIME)) >= 70).astype(int)
    record = dataclasses.replace(data.record, forcing=forcing, segment=segment)
    inputs = with_antecedents(dataclasses.replace(data, record=record))
    day = inputs.Precip_1d.to_numpy()
    assert (day[:50] == 0).all() and day[50:70] == pytest.approx(1e-3 / 24) and (day[70:] == 0).all()
    assert inputs.Precip_3d[[50, 69, 70]].tolist() == pytest.approx([1e-3 / 51, 1e-3 / 70, 0])
    sun = met["SWdown"]
    assert inputs.SWdown_1d[[0, 69, 70, 75]].tolist() == pytest.approx(
        [sun[0], sun[46:70].mean(), sun[70], sun[70:76].mean()]
    )


def test_days_before_are_those_of_the_same_stretch(tower):
    data = data_of(tower)
    segment = (np.arange(len(TIME)) >= 24 * 100 + 7).astype(int)  # a break in the morning of a day
    record = dataclasses.replace(data.record, segment=segment)
    days, day, place = lstm.by_days(dataclasses.replace(data, record=record), (0.0, 1.0))
    assert len(days.before) == DAYS + 1 and days.before.shape[1] == lstm.MEMORY
    nothing = DAYS + 1  # the row of zeros
    assert set(days.before[0].tolist()) == set(days.before[101].tolist()) == {nothing}
    assert days.before[100, -2:].tolist() == [98, 99]
    assert days.before[103, -3:].tolist() == [nothing, 101, 102]
    assert (day[24 * 100 + 6], place[24 * 100 + 6]) == (100, 6)
    assert (day[24 * 100 + 7], place[24 * 100 + 7]) == (101, 7)


def test_lstm_remembers_the_days_before_and_no_later_hour(tower):
    """A day's fluxes follow from the weather of their hours and of the days before, as far as it remembers."""
    data = data_of(tower)
    forcing, at = data.record.forcing, 24 * 200 + 12
    wetter = dataclasses.replace(forcing, Rainf=forcing.Rainf.at[at].add(1e-2))
    changed = dataclasses.replace(data, record=dataclasses.replace(data.record, forcing=wetter))
    found = []
    for seen in (data, changed):
        days, _, _ = lstm.by_days(seen, (0.0, 1.0))
        model = lstm.DailyMemory(days.daily.shape[1], jax.random.key(0))
        found.append(np.asarray(lstm.of_days(model, days, jnp.arange(DAYS))).reshape(-1, 2))
    differs = (found[0] != found[1]).any(axis=1)
    assert differs[at] and differs[24 * 201 : 24 * 211].all()
    assert not np.delete(differs[: 24 * 201], at).any()


def test_what_cannot_be_fitted_is_refused_in_one_line(tower, tmp_path):
    def refused(words: str, name: str, *options: object) -> None:
        with pytest.raises(InputError, match=words) as error:
            lad("baselines", "--name", name, *tower, *options, "--output-directory", tmp_path / "out")
        assert "\n" not in str(error.value) and not (tmp_path / "out").exists()

    refused("--seeds 0: expected at least 1", "ann", "--seeds", 0)

    def dark(dataset: xr.Dataset) -> None:
        dataset["SWdown"][:] = 0.0

    rewrite(tower[1], dark)
    refused("baseline 1lin: .* training half-hours do not determine 2 coefficients", "1lin")
    refused("baseline 3km27: .* training half-hours do not determine 27 clusters", "3km27")

    def same(dataset: xr.Dataset) -> None:
        for name in ("LWdown", "Tair", "Qair", "Wind"):
            dataset[name][:] = dataset[name].values[0]

    rewrite(tower[1], same)
    refused("forcing.nc: none of SWdown, LWdown, Tair, VPD, Wind varies in training", "lstm")

    def few(dataset: xr.Dataset) -> None:
        dataset["Qle_qc"][:2400] = 9
        dataset["Qle_qc"][2450:] = 9

    rewrite(tower[3], few)
    refused("observations.nc: .*usable values of Qle in the validation period", "gbt")


def other_site(folder: Path, slope: float) -> list[object]:
    """A tower whose fluxes are lines in the sun."""
    met = weather()
    return write_tower(folder, met, slope * met["SWdown"], slope * met["SWdown"] + 10)


def test_transfer_is_a_fit_to_the_other_sites(tmp_path, monkeypatch):
    towers = [other_site(tmp_path / "A", 0.2), other_site(tmp_path / "B", 0.5)]
    for name, tower in zip(("AA-Aaa", "BB-Bbb"), towers, strict=True):
        for file in (tower[1], tower[3]):
            rewrite(file, lambda dataset, name=name: dataset.attrs.update(site_id=name))
    columns = list(zip(*towers, strict=True))
    options = [word for at in (0, 2, 4) for word in (columns[at][0], *columns[at + 1])]
    output = tmp_path / "transfer.csv"
    lad("transfer", "--site", "AA-Aaa", "BB-Bbb", *options, "--output", output)
    lines = [line.split(",") for line in output.read_text().splitlines()]
    assert lines[0][-1] == "fitted_on" and {line[-1] for line in lines[1:]} == {"others"}
    assert len(lines) == 1 + 2 * 2 * 3
    found = {tuple(line[:3]): dict(zip(lines[0], line, strict=True)) for line in lines[1:]}
    tested = weather()["SWdown"][mask(TIME, parse_periods([TEST]))]
    for site, sign in (("AA-Aaa", 1), ("BB-Bbb", -1)):
        row = found[site, "LE", "1lin"]
        assert float(row["bias"]) == pytest.approx(sign * 0.3 * tested.mean(), rel=1e-5)
        assert float(row["r"]) == pytest.approx(1)
        assert int(row["n"]) == len(tested)
    assert (tmp_path / "transfer.json").exists()
    used = []

    def counted(name, sources, forcing):
        used.append(sum(len(source.record.time) for source in sources))
        return plumber.predict(name, sources, forcing)

    monkeypatch.setattr(transfer, "predict", counted)
    lad("transfer", "--site", "AA-Aaa", "BB-Bbb", *options, "--output", tmp_path / "whole.csv")
    assert (tmp_path / "whole.csv").read_bytes() == output.read_bytes()
    whole, most = used[0], 300
    monkeypatch.setattr(transfer, "MOST", most)
    lad("transfer", "--site", "AA-Aaa", "BB-Bbb", *options, "--output", tmp_path / "part.csv")
    assert whole > 2 * most and 0.7 * most < used[-1] < 1.3 * most
    part = pd.read_csv(tmp_path / "part.csv").set_index(["site", "target", "model"])
    assert part.bias["AA-Aaa", "LE", "1lin"] == pytest.approx(0.3 * tested.mean(), rel=1e-5)
    with pytest.raises(InputError, match="--forcing: 2 files for 1 sites"):
        lad("transfer", "--site", "AA-Aaa", *options, "--output", output)


def test_transfer_of_a_single_site_has_no_row(tower, tmp_path):
    output = tmp_path / "transfer.csv"
    lad("transfer", "--site", SITE, *tower, "--output", output)
    assert output.read_text().splitlines()[0].startswith("site,target,model")
    assert len(output.read_text().splitlines()) == 1
