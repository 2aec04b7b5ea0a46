"""What windows do not see: the size of the root zone, ground water that rises."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from learning_tower import (
    LAW,
    SETTINGS,
    TRAIN,
    VALIDATION,
    anchor,
    descent,
    read_month,
    train_command,
    write_tower,
)

from lad.cli import main
from lad.fluxes import BulkFluxes
from lad.forcing import read_record
from lad.integrate import euler, fast
from lad.io import write_json
from lad.model import Model
from lad.parameters import table_parameters, to_json
from lad.periods import parse_periods
from lad.settings import Calibration
from lad.state import plain_state
from lad.training import free_run, loop
from lad.training.calibration import calibrate as lad_calibrate
from lad.training.data import learning_data
from lad.training.files import load_model
from lad.training.free_run import FreeRuns
from lad.training.loop import fit
from lad.training.sites import Anchor, Site, read_site
from lad.training.space import calibration_space


@pytest.fixture
def tower(tmp_path):
    return write_tower(tmp_path)


@pytest.fixture
def month(tower):
    return read_month(tower)


def runs_of(site, solver, kind=FreeRuns):
    """Free runs of LaD itself at a site."""

    def build(free, anchor):
        return Model(anchor.space.parameters(free), BulkFluxes())

    return kind(build, [site], solver, "variance", "x", lambda free: free)


@pytest.mark.slow
def test_free_run_has_the_gradient_of_its_loss_by_the_root_zone_and_steps_down_it(month, monkeypatch):
    """Sign and size are those of the difference of two free runs, in which spin-up is included."""
    monkeypatch.setattr(
        free_run, "LONGEST_STEP", 0.05
    )  # the month has no rain that ends the memory of its start
    _, data, table = month
    space = calibration_space(table)
    site = Site("XX-Tst", anchor(table), data, plain_state(table, data.forcing), table)
    runs, passes = runs_of(site, fast()), 4
    free, found = np.tile(space.origin(), (3, 1)), []
    free[1:, runs.slow[0]] += [1e-4, -1e-4]
    steps = runs._steps
    runs._steps = lambda *slopes: found.append(slopes) or steps(*slopes)
    ran = runs(free, runs.begin(3, slopes=True), passes)
    losses = runs(free, runs.begin(3), passes - 1).losses[0]  # of the pass that the step is from
    gradient = found[0][0][0, 0, 0]
    assert gradient == pytest.approx((losses[1] - losses[2]) / 2e-4, rel=1e-3)
    moved = np.asarray(ran.free)[0] - free[0]
    assert moved[runs.slow[0]] * gradient < 0 and np.count_nonzero(moved) == 1
    assert ran.losses[0, 0] < runs(free[:1], runs.begin(1), passes).losses[0, 0]


def test_curvature_is_that_of_the_squared_errors_of_free_runs(month):
    """Gauss-Newton: products of the derivatives of fluxes, here from differences of runs, weighted as in the loss."""
    _, data, table = month
    half = len(data.time) // 2
    data = dataclasses.replace(data, segments=(slice(0, half), slice(half, len(data.time))))
    space = calibration_space(table)
    site = Site("XX-Tst", anchor(table), data, plain_state(table, data.forcing), table)
    runs = runs_of(site, euler())
    starts, lane = jax.tree.map(lambda x: jnp.asarray(x)[0], (runs.begin(1).state, runs.lanes))
    start = jax.tree.map(lambda x: x[0], starts)
    series = jax.jit(lambda free: runs._series(free, lane, start, lane.length)[2])
    free, step = jnp.asarray(space.origin()), 1e-5
    slopes = [(series(free + d) - series(free - d)) / (2 * step) for d in step * np.eye(len(free))]
    by_number = np.stack(slopes) / lane.scale
    weight = lane.train / lane.train.sum(axis=0)
    expected = np.einsum("inf,nf,jnf->ij", by_number, weight, by_number)
    scale = np.sqrt(np.outer(*[expected.diagonal()] * 2)) + 1e-12
    assert np.abs((runs.curvature(free, starts) - expected) / scale).max() < 1e-3


def test_training_begins_with_the_root_zone_of_the_mass_curve_where_that_is_more(tower, capsys):
    periods = {"train": parse_periods([TRAIN]), "validation": parse_periods([VALIDATION])}
    files = tower / "forcing.nc", tower / "observations.nc"
    capacity = learning_data(read_record(files[0]), files[1], **periods).mass_curve.capacity
    assert 20.0 < capacity < 100.0
    for calibrated, begun in ((20.0, capacity), (100.0, 100.0)):
        parameters = dataclasses.replace(table_parameters(6, 2, 10.0), Wmax=jnp.asarray(calibrated))
        write_json(tower / "parameters.json", to_json(parameters))
        options = {"parameters": tower / "parameters.json", "root_zone": "mass_curve"}
        site = read_site("XX-Tst", *files, **periods, **options)
        space = site.anchor.space
        assert float(space.parameters(jnp.asarray(site.anchor.origin)).Wmax) == pytest.approx(begun)
        assert float(site.reference.Wmax) == calibrated
    command = train_command(tower, tower / "out")
    command[command.index("--model-settings") + 1] = json.dumps(LAW | {"root_zone": "mass_curve"})
    where = command.index("--parameters")
    assert main([*command[:where], *command[where + 2 :]]) == 2
    expected = "lad train: error: root_zone mass_curve: expected --parameters, calibrated at each site\n"
    assert capsys.readouterr().err == expected


@pytest.mark.slow
def test_fit_with_gauss_newton_keeps_the_root_zone_that_was_judged_and_resumes(month, tmp_path, monkeypatch):
    _, data, table = month
    space = calibration_space(table)
    site = Site("XX-Tst", anchor(table), data, plain_state(table, data.forcing), table)
    begin, judged = jnp.asarray(space.starts(2, seed=1)), []

    class Recorded(FreeRuns):
        def __call__(self, *args):
            judged.append(super().__call__(*args))
            return judged[-1]

    def found(checkpoint=None):
        judged.clear()
        runs = runs_of(site, fast(), Recorded)
        settings = descent(gauss_newton=True, patience=9)
        return fit(begin, runs, settings, seed=0, checkpoint=checkpoint, fingerprint="x"), runs.slow[0]

    whole, slow = found()
    assert len(judged) == 3
    for member in range(2):
        best = min(judged, key=lambda ran: ran.losses[1, member])
        assert np.array_equal(whole.free[member], best.free[member])
    # On windows the capacity stays: it changes by steps of free runs alone, at most a quarter each.
    numbers = np.array([np.asarray(ran.free)[:, slow] for ran in judged])
    steps = np.diff(np.concatenate([np.asarray(begin)[None, :, slow], numbers]), axis=0)
    assert (np.abs(steps) > 0.0).all() and (np.abs(steps) <= free_run.LONGEST_STEP + 1e-12).all()

    class Killed(Exception):
        pass

    save = loop.save_checkpoint

    def save_and_die(*args):
        save(*args)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "save_checkpoint", save_and_die)
        found(tmp_path / "checkpoint.eqx")
    resumed, _ = found(tmp_path / "checkpoint.eqx")
    assert len(judged) == 2 and np.array_equal(resumed.free, whole.free)


@pytest.mark.slow
def test_calibration_with_the_mass_curve_admits_no_smaller_root_zone(month):
    _, data, table = month
    curve = data.mass_curve
    data = dataclasses.replace(data, mass_curve=curve._replace(largest=10.0 * curve.largest))
    least = data.mass_curve.capacity
    assert table.Wmax < least
    found = lad_calibrate(data, table, Calibration(**SETTINGS | {"starts": 2, "root_zone": "mass_curve"}))
    row = found.table.set_index("parameter").loc["Wmax"]
    assert row.lower == pytest.approx(least) and row.lowest_of_searches >= least
    assert float(found.parameters.Wmax) >= least


@pytest.mark.slow
def test_trained_ground_water_is_in_the_model_and_its_budget(tower, capsys):
    model = LAW | {"ground_water": "inflow"}
    command = train_command(tower, tower / "out", steps=2, gauss_newton=True)
    command[command.index("--model-settings") + 1] = json.dumps(model)
    assert main(command) == 0
    trained = load_model(tower / "out/seed0.eqx").parameters
    assert 5.0 < float(trained.rise_time) / 86400.0 < 3650.0 and float(trained.inflow) > 0.0
    simulate = ["simulate", "--forcing", str(tower / "forcing.nc"), "--model", str(tower / "out/seed0.eqx")]
    assert main([*simulate, "--output", str(tower / "run.nc")]) == 0
    with xr.open_dataset(tower / "run.nc") as run:
        assert (run.Qinflow > 0.0).all() and run.attrs["max_water_residual"] < 1e-9
    where = command.index("--parameters")
    capsys.readouterr()
    assert main([*command[:where], *command[where + 2 :]]) == 2
    expected = "lad train: error: ground_water inflow: expected --parameters, calibrated at each site\n"
    assert capsys.readouterr().err == expected


@pytest.mark.slow
def test_free_run_has_the_gradient_of_its_loss_by_all_that_is_slow(month):
    _, data, table = month
    space = calibration_space(table).with_ground_water(inflow=True)
    wet = dataclasses.replace(table, rise_time=jnp.asarray(2e6), inflow=jnp.asarray(1e-6))
    here = Anchor(space, space.free(wet), np.zeros(0), np.zeros(5, dtype=bool))
    start = dataclasses.replace(plain_state(wet, data.forcing), groundwater=jnp.asarray(50.0))
    site = Site("XX-Tst", here, data, start, wet)
    runs = runs_of(site, fast())
    assert [space.bounds[k].name for k in runs.slow] == ["Wmax", "tau", "rise_time", "inflow"]
    free = np.tile(here.origin, (9, 1))
    for number, k in enumerate(runs.slow):
        free[1 + 2 * number : 3 + 2 * number, k] += [1e-4, -1e-4]
    found, steps = [], runs._steps
    runs._steps = lambda *slopes: found.append(slopes) or steps(*slopes)
    runs(free, runs.begin(9, slopes=True), 2)
    losses = runs(free, runs.begin(9), 1).losses[0]
    differences = (losses[1::2] - losses[2::2]) / 2e-4
    np.testing.assert_allclose(found[0][0][0, 0], differences, rtol=2e-3)
    assert (differences != 0.0).all()
