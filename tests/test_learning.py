"""Calibration and training: what they may see, what they count, and that they repeat themselves."""

import json
import subprocess
import sys
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from lad.cli import main
from lad.errors import InputError
from lad.fluxes import Scaling
from lad.forcing import Record, make_forcing
from lad.io import write_json, write_netcdf
from lad.learn.calibration import calibration_space
from lad.learn.data import learning_data, window_starts
from lad.learn.files import load_fluxes, random_law, save_law
from lad.learn.objective import loss
from lad.parameters import from_json, table_parameters, to_json
from lad.periods import parse_periods

DAYS = 30
TRAIN, VALIDATION, TEST = "2013-06-01:2013-06-20", "2013-06-08:2013-06-10", "2013-06-21:2013-06-30"
SETTINGS = {"steps": 4, "batch": 3, "window_days": 2, "learning_rate": 0.01, "refresh": 2, "patience": 9}
LAW = {"law": "mlp", "states": True, "hidden": [8]}


def weather(days: int = DAYS) -> dict[str, np.ndarray]:
    """Half-hours of a summer month with a shower every fifth day."""
    t = (np.arange(48 * days) + 0.5) / 48
    sun = np.maximum(0.0, np.sin(2 * np.pi * (t % 1 - 0.25)))
    air = 291 + 6 * np.sin(2 * np.pi * (t % 1 - 0.375)) + np.sin(t)
    return {
        "SWdown": 800 * sun,
        "LWdown": 330 + 20 * np.sin(t / 3),
        "Tair": air,
        "Qair": np.full_like(t, 0.008),
        "Psurf": np.full_like(t, 98e3),
        "Wind": 2.5 + np.sin(t),
        "Rainf": np.where((t % 5) < 0.1, 1e-3, 0.0),
        "Snowf": np.zeros_like(t),
    }


def fluxes(forcing: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fluxes that follow the sun, with a gap in LE of an hour every night."""
    LE = 0.3 * forcing["SWdown"] + 5
    return {"Qle": np.where(np.arange(len(LE)) % 48 < 2, np.nan, LE), "Qh": 0.35 * forcing["SWdown"] - 10}


@pytest.fixture
def tower(tmp_path):
    """Folder with forcing.nc, observations.nc and parameters.json of a made-up month."""
    forcing = weather()
    time = np.datetime64("2013-06-01") + np.arange(48 * DAYS) * np.timedelta64(30, "m")
    met = xr.Dataset({k: ("time", v) for k, v in forcing.items()}, {"time": time.astype("datetime64[ns]")})
    met["reference_height"] = 10.0
    observed = xr.Dataset(coords=met.coords)
    for name, values in fluxes(forcing).items():
        observed[name] = ("time", values)
        observed[f"{name}_qc"] = ("time", np.where(np.isfinite(values), 0, 9).astype("int8"))
    write_netcdf(tmp_path / "forcing.nc", met)
    write_netcdf(tmp_path / "observations.nc", observed)
    write_json(tmp_path / "parameters.json", to_json(table_parameters(6, 2, 10.0)))
    return tmp_path


def train_command(tower, output, **settings):
    """Arguments of `lad train` on the made-up month."""
    return [
        *("train", "--forcing", str(tower / "forcing.nc"), "--observations", str(tower / "observations.nc")),
        *("--parameters", str(tower / "parameters.json"), "--train", TRAIN, "--validation", VALIDATION),
        *("--settings", json.dumps(SETTINGS | settings), "--model-settings", json.dumps(LAW)),
        *("--seeds", "2", "--steps-per-interval", "1", "--output-directory", str(output)),
    ]


def results(folder):
    """What a training leaves: its files, and their content without the record of origin."""
    laws = {path.name: load_fluxes(path) for path in folder.glob("*.eqx")}
    return sorted(path.name for path in folder.iterdir()), laws, (folder / "history.csv").read_bytes()


def same(one, other):
    """Whether two results of `results` agree to the last bit."""
    return one[0] == other[0] and eqx.tree_equal(one[1], other[1]) and one[2] == other[2]


def record(days: int = DAYS) -> Record:
    time = np.datetime64("2013-06-01") + np.arange(48 * days) * np.timedelta64(30, "m")
    return Record(time, np.zeros(len(time), int), make_forcing(**weather(days)), 1800.0, 10.0, {})


def test_data_hold_no_test_half_hour_and_keep_validation_out_of_the_loss(tower):
    rec = record()
    data = learning_data(rec, tower / "observations.nc", parse_periods([TRAIN]), parse_periods([VALIDATION]))
    assert len(data.train) == 20 * 48  # nothing of 21 to 30 June
    judged = slice(7 * 48, 10 * 48)
    assert data.train[judged].sum() == 0
    assert (data.train * data.validation).sum() == 0
    assert data.validation[judged, 1].all() and data.validation.sum() == data.validation[judged].sum()
    night = np.arange(20 * 48) % 48 < 2
    assert data.train[night, 0].sum() == 0  # gap of LE …
    assert data.train[night, 1].sum() == 17 * 2  # … which H does not have


def test_windows_stay_inside_segments_and_need_measurements(tower):
    rec = record()
    segment = (np.arange(len(rec.time)) >= 10 * 48).astype(int)
    split = Record(rec.time, segment, rec.forcing, rec.dt, 10.0, {})
    data = learning_data(
        split, tower / "observations.nc", parse_periods([TRAIN]), parse_periods([VALIDATION])
    )
    length = 3 * 48
    starts = window_starts(data, length, offset=20)
    inside = [any(s.start <= a and a + length <= s.stop for s in data.segments) for a in starts]
    assert all(inside)
    assert not any(7 * 48 <= a and a + length <= 10 * 48 for a in starts)  # a window of validation alone
    with pytest.raises(InputError, match="no window"):
        window_starts(data, 400 * 48, 0)


@pytest.mark.parametrize(
    ("train", "validation", "told"),
    [
        ([], [VALIDATION], "no training period"),
        (["2015-01-01:2015-12-31"], [VALIDATION], "0 usable values of Qle"),
    ],
)
def test_empty_training_period_is_refused(tower, train, validation, told):
    with pytest.raises(InputError, match=told):
        learning_data(record(), tower / "observations.nc", parse_periods(train), parse_periods(validation))


def test_loss_weighs_each_flux_by_its_variance_and_a_gap_of_one_spares_the_other():
    observed = jnp.zeros((4, 2))
    simulated = jnp.array([[2.0, 10.0]] * 4)
    std = jnp.array([2.0, 5.0])
    use = jnp.ones((4, 2))
    assert loss(simulated, observed, use, std) == pytest.approx((1.0 + 4.0) / 2)
    gap = use.at[:3, 0].set(0.0)
    wild = simulated.at[:3, 0].set(1e9)
    assert loss(wild, observed, gap, std) == pytest.approx((1.0 + 4.0) / 2)
    gradient = jax.grad(loss)(wild, observed, gap, std)
    assert (gradient[:3, 0] == 0).all() and (gradient[:, 1] != 0).all()


def test_law_file_round_trip_and_foreign_files(tmp_path):
    size = 14
    scaling = Scaling(jnp.arange(size) * 1.0, jnp.full(size, jnp.inf), jnp.ones(2), jnp.full(2, 3.0))
    law = random_law(LAW, scaling, seed=3)
    save_law(tmp_path / "seed3.eqx", law, LAW, {"seed": 3})
    assert eqx.tree_equal(load_fluxes(tmp_path / "seed3.eqx"), law)
    whole = (tmp_path / "seed3.eqx").read_bytes()
    for name, content in {"cut.eqx": whole[:-200], "text.eqx": b"not a model\n", "empty.eqx": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            load_fluxes(tmp_path / name)


def test_calibration_space_starts_at_the_table_and_stays_in_bounds():
    table = table_parameters(9, 2, 1.73)
    space = calibration_space(table)
    free = space.starts(5, seed=1)
    at_table = space.parameters(jnp.asarray(free[0]))
    for name in ("rs", "Wmax", "z0", "alb0_warm", "lam"):
        assert np.allclose(getattr(at_table, name), getattr(table, name), rtol=1e-6), name
    for extreme in (-50.0, 50.0):
        parameters = space.parameters(jnp.full(len(space.bounds), extreme))
        from_json(to_json(parameters), "extreme")  # still a possible column
    assert len(np.unique(free, axis=0)) == 5


def test_training_repeats_resumes_and_ignores_the_test_period(tower, capsys):
    assert main(train_command(tower, tower / "once")) == 0
    once = results(tower / "once")
    assert once[0] == ["history.csv", "seed0.eqx", "seed1.eqx"]  # the checkpoint is gone

    first, second = once[1]["seed0.eqx"], once[1]["seed1.eqx"]
    assert not np.allclose(first.layers[0].weight, second.layers[0].weight)

    # A killed training goes on where it was: SIGKILL as soon as a checkpoint is there.
    process = subprocess.Popen(
        [sys.executable, "-m", "lad.cli", *train_command(tower, tower / "killed")], stderr=subprocess.DEVNULL
    )
    while not (tower / "killed" / "checkpoint.eqx").exists():
        assert process.poll() is None, "ended before its first checkpoint"
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tower / "killed" / "seed0.eqx").exists()
    assert main(train_command(tower, tower / "killed")) == 0
    assert same(results(tower / "killed"), once)

    # Other fluxes in the test period change nothing but the checksum of the file.
    with xr.open_dataset(tower / "observations.nc") as dataset:
        changed = dataset.load().drop_encoding()
    changed["Qle"][20 * 48 :] = 999.0
    write_netcdf(tower / "observations.nc", changed)
    assert main(train_command(tower, tower / "changed")) == 0
    other = load_fluxes(tower / "changed" / "seed0.eqx")
    assert eqx.tree_equal(other, first)

    # Other fluxes in the training period do change the result.
    changed["Qle"][: 5 * 48] = 300.0
    write_netcdf(tower / "observations.nc", changed)
    assert main(train_command(tower, tower / "trained")) == 0
    assert not eqx.tree_equal(load_fluxes(tower / "trained" / "seed0.eqx"), first)


def test_training_lowers_the_loss_and_moves_weights_of_a_matrix_differently(tower):
    assert main(train_command(tower, tower / "out", steps=20, refresh=10, learning_rate=0.02)) == 0
    lines = (tower / "out" / "history.csv").read_text().splitlines()[1:]
    losses = {}
    for line in lines:
        step, member, train, _ = line.split(",")
        losses.setdefault(member, []).append((int(step), float(train)))
    for course in losses.values():
        assert course[-1][1] < 0.7 * course[0][1]
    trained = load_fluxes(tower / "out" / "seed0.eqx")
    before = random_law(LAW, trained.scaling, 0)
    moved = np.asarray(trained.layers[0].weight - before.layers[0].weight)
    varying = np.isfinite(np.asarray(trained.scaling.input_std))
    assert len(np.unique(moved[:, varying])) == moved[:, varying].size
    assert (moved[:, ~varying] == 0).all()  # snow and its masking never vary in this month


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"--settings": '{"steps": 3}'}, "expected"),
        ({"--settings": "{"}, "not valid JSON"),
        ({"--model-settings": '{"law": "magic", "states": true, "hidden": [8]}'}, "expected law mlp"),
        ({"--train": "2013-06-31:2013-07-01"}, "expected FIRST:LAST"),
        ({"--parameters": "absent.json"}, "no such file"),
    ],
)
def test_bad_settings_are_one_line(tower, capsys, change, told):
    command = train_command(tower, tower / "bad")
    for option, value in change.items():
        command[command.index(option) + 1] = value
    assert main(command) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not (tower / "bad").exists()
