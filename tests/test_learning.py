"""Calibration and training: what they count, what they report, and that they repeat themselves."""

import dataclasses
import json
import subprocess
import sys
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from evaluation_site import write_periods
from learning_tower import (
    LAW,
    SETTINGS,
    Bursting,
    anchor,
    descent,
    of_another_site,
    periods_file,
    read_month,
    rewrite,
    train_command,
    write_tower,
)

from lad.cli import main
from lad.errors import InputError
from lad.fluxes import LEARNT_LAWS, AbstractFluxes, BulkFluxes, Fluxes, Scaling
from lad.integrate import fast, roll_out
from lad.io import read_json, write_json
from lad.model import Model
from lad.parameters import from_json, table_parameters, to_json
from lad.provenance import code_sha256
from lad.settings import ModelSettings
from lad.state import plain_state
from lad.steps import calibrate
from lad.training import cmaes, loop
from lad.training.files import load_model, save_hybrid
from lad.training.free_run import FreeRuns, Ran
from lad.training.hybrid import Hybrid, untrained_law
from lad.training.loop import fit, window_at
from lad.training.loss import WEIGHTINGS, loss, surface_penalty
from lad.training.sites import Anchor, Site
from lad.training.space import calibration_space, load_calibrated


def free_runs(build, data, parameters, weighting="variance", states=None):
    """Free runs of the models of ``build(free)`` over the synthetic month."""
    start = plain_state(parameters, data.forcing)
    site = Site("XX-Tst", anchor(parameters), data, start, parameters, states)
    return FreeRuns(lambda free, _: build(free), [site], fast(), weighting, "x")


@pytest.fixture
def tower(tmp_path):
    return write_tower(tmp_path)


def results(folder):
    """What a training leaves: its files, and their content without the record of origin."""
    laws = {path.name: load_model(path) for path in folder.glob("*.eqx")}
    return sorted(path.name for path in folder.iterdir()), laws, (folder / "history.csv").read_bytes()


def same(one, other):
    """Whether two results of `results` agree to the last bit."""
    return one[0] == other[0] and eqx.tree_equal(one[1], other[1]) and one[2] == other[2]


def calibrate_command(tower, soil: str, site: str = "XX-Tst"):
    """Arguments of `lad calibrate` on the synthetic month, for a site of its own table."""
    head = "site_id,name,latitude,longitude,elevation,igbp,utc_offset_hours,canopy_height,measurement_height,cover,soil"
    (tower / "sites.csv").write_text(f"{head}\n{site},Synthetic,40,-100,100,GRA,-7,0.3,10.2,6,{soil}\n")
    return [
        *("calibrate", "--site", site, "--sites", str(tower / "sites.csv")),
        *("--forcing", str(tower / "forcing.nc"), "--observations", str(tower / "observations.nc")),
        *("--periods", periods_file(tower), "--settings", json.dumps(SETTINGS | {"starts": 2})),
        *("--output", str(tower / "calibrated.json")),
    ]


def test_calibration_tells_and_fingerprints_cover_soil_and_code(tower, monkeypatch):
    prints = []

    def far_enough(*_, fingerprint, **__):
        prints.append(fingerprint)
        raise InputError("far enough")

    monkeypatch.setattr(calibrate, "calibrate", far_enough)
    for soil in ("2", "3", "3"):
        assert main(calibrate_command(tower, soil)) == 2
    monkeypatch.setattr("lad.provenance.git_revision", lambda: "a commit that leaves the code as it is")
    assert main(calibrate_command(tower, "3")) == 2
    monkeypatch.setattr("lad.provenance.code_sha256", lambda folder: "of other code")
    assert main(calibrate_command(tower, "3")) == 2
    assert prints[1] == prints[2] == prints[3] and len(set(prints)) == 3


@pytest.mark.slow
def test_calibration_compares_searches_and_resumes(tower, capsys):
    """Descents and CMA-ES; killed after its first generation CMA-ES goes on to the same numbers."""
    outputs = ["--table", str(tower / "t.csv"), "--history", str(tower / "h.csv")]
    command = [*calibrate_command(tower, "2"), *outputs]
    assert main(command) == 0
    files = [tower / name for name in ("calibrated.json", "t.csv", "h.csv")]
    content, table = read_json(files[0]), pd.read_csv(files[1], index_col="parameter")
    losses = content["validation_loss"]
    assert list(losses) == ["descent 0", "descent 1", "CMA-ES"]
    assert losses[content["best"]] == min(losses.values())
    assert content["provenance"]["settings"]["table"] == to_json(table_parameters(6, 2, 10.0))
    assert content["params"]["Wmax"] == pytest.approx(table.optimum["Wmax"], rel=1e-5)
    assert ((table.low_1pct <= table.optimum) & (table.optimum <= table.high_1pct)).all()
    assert ((table.lower <= table.lowest_of_searches) & (table.highest_of_searches <= table.upper)).all()
    assert table.identified["Wc"] == "no"  # no snow in this month
    assert set(pd.read_csv(files[2]).member) == set(losses)
    assert not list(tower.glob("checkpoint*"))

    before = [file.read_bytes() for file in files]
    process = subprocess.Popen([sys.executable, "-m", "lad.cli", *command], stderr=subprocess.DEVNULL)
    while not (tower / "checkpoint_cmaes.eqx").exists():
        assert process.poll() is None, "ended before its first checkpoint"
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert (tower / "checkpoint.eqx").exists()
    assert main(command) == 0
    assert [file.read_bytes() for file in files] == before


def test_evolution_stops_where_validation_improves_no_more():
    class Bowl:
        """Free runs whose training loss has a minimum at 1, and whose validation loss has one at 0.5."""

        label = "bowl"

        def begin(self, members):
            return np.zeros((members, 1))

        def __call__(self, free, starts, passes):
            losses = [((np.asarray(free) - place) ** 2).sum(axis=1) for place in (1.0, 0.5)]
            return Ran(free, starts, None, np.array(losses))

    found = cmaes.evolve(np.full(3, -2.0), Bowl(), 1e5, seed=0)
    lowest = int(found.history.validation_loss.argmin())
    assert len(found.history) == lowest + 1 + cmaes.PATIENCE
    assert found.validation_loss == found.history.validation_loss[lowest] < 1.0
    assert found.validation_loss == ((found.free - 0.5) ** 2).sum()


def test_code_digest_depends_on_every_module(tmp_path):
    digests = set()
    for number, text in enumerate(("a = 1", "a = 2")):
        (tmp_path / f"{number}/part").mkdir(parents=True)
        (tmp_path / f"{number}/part/module.py").write_text(text)
        digests.add(code_sha256(tmp_path / str(number)))
    (tmp_path / "other/renamed").mkdir(parents=True)
    (tmp_path / "other/renamed/module.py").write_text("a = 1")
    digests.add(code_sha256(tmp_path / "other"))
    assert len(digests) == 3


def test_calibration_of_another_site_than_the_forcing_is_refused(tower, capsys):
    rewrite(tower / "forcing.nc", of_another_site)
    assert main(calibrate_command(tower, "2")) == 2
    error = capsys.readouterr().err
    assert "forcing.nc: is of site YY-Oth, expected XX-Tst" in error and error.count("\n") == 1


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


def test_plain_sum_weighs_both_fluxes_alike():
    observed, simulated, use = jnp.zeros((4, 2)), jnp.array([[2.0, 10.0]] * 4), jnp.ones((4, 2))
    scale = WEIGHTINGS["sum"](np.array([2.0, 5.0]))
    assert scale[0] == scale[1]
    ratio = loss(simulated.at[:, 1].set(0.0), observed, use, scale) / loss(simulated, observed, use, scale)
    assert ratio == pytest.approx(4.0 / 104.0)


class Steady(AbstractFluxes):
    """A law that leaves the surface to balance whatever it does not take: H is 100 W m-2 at any temperature."""

    def __call__(self, state, forcing, parameters):
        """H alone."""
        return Fluxes(100.0 + 0.0 * state.T[0], 0.0 * state.root, 0.0 * state.root)


@pytest.mark.slow
def test_only_the_surface_penalty_shows_a_law_how_warm_the_surface_is(month, monkeypatch):
    _, data, parameters = month
    assert surface_penalty(jnp.array([300.0, 310.0]), jnp.array([295.0, 305.0])) == pytest.approx(1.0)

    def build(free):
        albedo = jax.nn.sigmoid(free)
        return Model(dataclasses.replace(parameters, alb0_warm=albedo, alb0_cold=albedo), Steady())

    start = plain_state(parameters, data.forcing)
    begin, wanted = np.log(0.2 / 0.8), np.log(0.4 / 0.6)
    states = roll_out(fast(), build(wanted), start, data.forcing, data.dt)[1].state
    settings = descent(steps=40, refresh=10, learning_rate=0.05, weight_decay=0)
    ends = []
    monkeypatch.setattr(loop, "save_checkpoint", lambda *of: ends.append(float(of[3].free[0])))
    for reference in (states, None):
        fit(jnp.array([begin]), free_runs(build, data, parameters, states=reference), settings, seed=0)
        if reference is not None:
            assert abs(ends[-1] - wanted) < 0.5 * abs(begin - wanted)
    assert ends[-1] == begin


@pytest.mark.slow
def test_best_free_runs_are_returned_and_a_fit_that_improves_no_more_stops(month, monkeypatch):
    """Two members, whose validation losses are best at the second and at the first free runs."""
    _, data, parameters = month
    course = iter([[0.9, 0.4], [0.5, 0.6], [0.6, 0.7], [0.7, 0.8], [0.0, 0.0]])
    free, whole = [], FreeRuns.__call__

    def ran(self, members, starts, passes):
        free.append(np.asarray(members))
        return whole(self, members, starts, 0)._replace(losses=np.array([[1.0, 1.0], next(course)]))

    monkeypatch.setattr(FreeRuns, "__call__", ran)

    def build(albedo):
        return Model(dataclasses.replace(parameters, alb0_warm=albedo, alb0_cold=albedo), BulkFluxes())

    runs = free_runs(build, data, parameters)
    result = fit(jnp.array([0.2, 0.3]), runs, descent(steps=40, patience=2), seed=0)
    assert list(result.validation_loss) == [0.5, 0.4]
    assert list(result.free) == [free[1][0], free[0][1]] and free[1][0] != free[0][0]
    assert len(free) == 4  # two free runs after the last that improved a member


@pytest.mark.slow
@pytest.mark.parametrize(
    "law",
    [
        {"law": "bulk"},
        {"law": "conductance", "states": False, "hidden": [4]},
        {"law": "parameters", "states": ["root"], "hidden": [4]},
        {"law": "residual", "states": ["soil", "snow"], "hidden": [4]},
    ],
    ids=lambda law: law["law"],
)
def test_every_law_trains_from_calibrated_parameters_and_comes_back_from_its_file(tower, law):
    calibrated = dataclasses.replace(
        table_parameters(6, 2, 10.0), rs=jnp.asarray(300.0), Wmax=jnp.asarray(90.0)
    )
    origin = {"provenance": {"settings": {"table": to_json(table_parameters(6, 2, 10.0))}}}
    write_json(tower / "parameters.json", to_json(calibrated) | origin)
    command = train_command(tower, tower / "out", steps=1, refresh=1)
    command[command.index("--model-settings") + 1] = json.dumps(law)
    command[command.index("--seeds") + 1] = "1"
    assert main(command) == 0
    model = load_model(tower / "out" / "seed0.eqx")
    expected = BulkFluxes if law["law"] == "bulk" else LEARNT_LAWS[law["law"]]
    assert type(model.fluxes) is expected
    # one step of Adam, from the calibrated values on
    assert model.parameters.rs == pytest.approx(300.0, rel=0.05)
    assert model.parameters.Wmax == pytest.approx(90.0, rel=0.05)


def test_physical_parameters_before_training_are_the_calibrated_ones(tmp_path):
    table = table_parameters(4, 2, 20.0)
    space = calibration_space(table)
    calibrated = space.parameters(jnp.array([3.0, -2.0, 1.0, 4.0, -5.0, 0.5, -1.0, 2.0]))
    path = tmp_path / "parameters.json"
    write_json(path, to_json(calibrated) | {"provenance": {"settings": {"table": to_json(table)}}})
    parameters, found = load_calibrated(str(path), 20.0)
    here = Anchor(found, found.free(parameters), np.zeros(0), np.zeros(5, dtype=bool))
    begun = Hybrid(BulkFluxes(), jnp.zeros(8)).at(here).parameters
    for name in ("rs", "Wmax", "z0", "zh", "Wc", "alb0_warm", "C", "lam"):
        assert np.allclose(getattr(begun, name), getattr(calibrated, name), rtol=1e-9), name
    assert found.bounds == space.bounds


def test_validation_losses_of_different_losses_can_be_compared(month):
    _, data, parameters = month
    losses = {}
    for name in WEIGHTINGS:
        runs = free_runs(lambda free: Model(parameters, BulkFluxes()), data, parameters, name)
        losses[name] = runs(jnp.zeros(1), runs.begin(1), 0).losses
    assert losses["sum"][1] == losses["variance"][1]
    assert losses["sum"][0] != losses["variance"][0]


def test_windows_lengthen_through_the_training():
    settings = descent(steps=60, refresh=10, window_days=[1, 3, 10])
    assert [window_at(settings, step) for step in range(0, 60, 10)] == [1, 1, 3, 3, 10, 10]
    assert window_at(descent(steps=5, refresh=10, window_days=[1, 3]), 0) == 1


@pytest.fixture
def month(tower):
    return read_month(tower)


@pytest.mark.slow
def test_steps_may_go_through_another_solver_than_the_free_runs(month):
    _, data, parameters = month

    def build(free):
        return Model(dataclasses.replace(parameters, rs=100.0 * jnp.exp(free)), BulkFluxes())

    losses = {
        name: fit(
            jnp.array([0.5]),
            free_runs(build, data, parameters),
            descent(steps=4, refresh=2, integrator=name),
            seed=0,
        ).history.train_loss
        for name in (None, "fast-1", "euler-1")
    }
    assert losses[None].tolist() == losses["fast-1"].tolist()
    other = losses["euler-1"]
    assert (
        other[0] == losses[None][0]
        and abs(other[1] / losses[None][1] - 1.0) < 1e-3
        and other[1] != losses[None][1]
    )


@pytest.mark.slow
def test_gradient_not_finite_stops_with_half_hour_and_flux(month):
    record, data, parameters = month
    runs = free_runs(lambda weight: Model(parameters, Bursting(weight)), data, parameters)
    with pytest.raises(InputError) as error:
        fit(jnp.array([1.0, 2.0]), runs, descent(window_days=[6], batch=2), seed=0)
    message = str(error.value)
    assert "x: loss or gradient of member 0 not finite in step 1, at XX-Tst, by " in message
    by, _, when = message.rpartition(" of ")
    assert by.endswith("H")  # and LE, whose derivative by the weight is zero times infinity
    when = np.datetime64(when)
    assert record.forcing.Rainf[np.flatnonzero(record.time == when)[0]] > 0.0


def test_free_run_not_finite_stops_with_half_hour_and_variables(month):
    _, data, parameters = month

    def build(albedo):
        return Model(dataclasses.replace(parameters, alb0_warm=albedo, alb0_cold=albedo), BulkFluxes())

    runs = free_runs(build, data, parameters)
    with pytest.raises(InputError, match=r"LE, H, soil temperature 1.* of member 1 not finite .* 2013-06-01"):
        runs(jnp.array([0.2, np.nan]), runs.begin(2), 0)


def test_law_file_round_trip_and_foreign_files(tmp_path):
    size = 14
    scaling = Scaling(jnp.arange(size) * 1.0, jnp.full(size, jnp.inf), jnp.ones(2), jnp.full(2, 3.0))
    settings, here = ModelSettings(**LAW), anchor(table_parameters(6, 2, 10.0))
    hybrid = Hybrid(untrained_law(settings, scaling, seed=3), jnp.linspace(-1.0, 1.0, 8))
    save_hybrid(tmp_path / "seed3.eqx", hybrid, settings, {"XX-Tst": here}, {"seed": 3})
    assert eqx.tree_equal(load_model(tmp_path / "seed3.eqx").fluxes, hybrid.at(here).fluxes)
    assert to_json(load_model(tmp_path / "seed3.eqx").parameters) == to_json(hybrid.at(here).parameters)
    with pytest.raises(InputError, match=r"seed3.eqx: is a model of XX-Tst, expected XX-Oth"):
        load_model(tmp_path / "seed3.eqx", "XX-Oth")
    whole = (tmp_path / "seed3.eqx").read_bytes()
    for name, content in {"cut.eqx": whole[:-200], "text.eqx": b"not a model\n", "empty.eqx": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            load_model(tmp_path / name)


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
    assert not np.allclose(*(model.fluxes.network.layers[0].weight for model in (first, second)))

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
    killed = (tower / "killed" / "checkpoint.eqx").read_bytes()
    assert main(train_command(tower, tower / "killed")) == 0
    assert same(results(tower / "killed"), once)

    # A checkpoint that lost its end is reported and counts as none.
    (tower / "damaged").mkdir()
    (tower / "damaged" / "checkpoint.eqx").write_bytes(killed[:-100])
    capsys.readouterr()
    assert main(train_command(tower, tower / "damaged")) == 0
    assert "checkpoint.eqx: damaged (" in capsys.readouterr().err
    assert same(results(tower / "damaged"), once)

    # Other fluxes in the test period change nothing but the checksum of the file.
    def change_test(dataset):
        dataset["Qle"][20 * 48 :] = 999.0

    rewrite(tower / "observations.nc", change_test)
    assert main(train_command(tower, tower / "changed")) == 0
    other = load_model(tower / "changed" / "seed0.eqx")
    assert eqx.tree_equal(other, first)

    # Other fluxes in the training period do change the result.
    def change_training(dataset):
        dataset["Qle"][: 5 * 48] = 300.0

    rewrite(tower / "observations.nc", change_training)
    assert main(train_command(tower, tower / "trained")) == 0
    assert not eqx.tree_equal(load_model(tower / "trained" / "seed0.eqx"), first)


@pytest.mark.slow
def test_training_lowers_the_loss_and_moves_weights_of_a_matrix_differently(tower):
    settings = {"steps": 20, "refresh": 10, "learning_rate": 0.02, "window_days": [1, 2], "weight_decay": 0}
    assert main(train_command(tower, tower / "out", **settings)) == 0
    lines = (tower / "out" / "history.csv").read_text().splitlines()[1:]
    losses = {}
    for line in lines:
        step, member, train, _ = line.split(",")
        losses.setdefault(member, []).append((int(step), float(train)))
    first, lowest = zip(
        *((course[0][1], min(loss for _, loss in course)) for course in losses.values()), strict=True
    )
    assert sum(lowest) < 0.9 * sum(first)
    trained = load_model(tower / "out" / "seed0.eqx").fluxes.network
    before = untrained_law(ModelSettings(**LAW), trained.scaling, 0).network
    moved = np.asarray(trained.layers[0].weight - before.layers[0].weight)
    varying = np.isfinite(np.asarray(trained.scaling.input_std))
    assert len(np.unique(moved[:, varying])) == moved[:, varying].size
    assert (moved[:, ~varying] == 0).all()  # snow and its masking never vary in this month


@pytest.mark.slow
def test_training_runs_on_prescribed_net_radiation(tower):
    def add_radiation(dataset):
        dataset["Rnet"] = 0.7 * dataset.Qle.fillna(0.0) + 200.0
        dataset["Rnet_qc"] = ("time", np.zeros(dataset.sizes["time"], dtype="int8"))

    rewrite(tower / "observations.nc", add_radiation)
    first = {}
    for radiation in ("modelled", "prescribed"):
        command = [*train_command(tower, tower / radiation, steps=1), "--radiation", radiation]
        assert main(command) == 0
        first[radiation] = pd.read_csv(tower / radiation / "history.csv").train_loss[0]
    assert np.isfinite(list(first.values())).all() and first["modelled"] != first["prescribed"]


def unfit_parameters() -> dict[str, dict]:
    """Parameter files that no hybrid can be trained with."""
    good = to_json(table_parameters(6, 2, 10.0))
    fewer = {name: good["params"][name][:3] for name in ("dz", "C", "lam")}
    return {
        "three.json": good | {"params": good["params"] | fewer},
        "high.json": good | {"z_ref_m": 20.0},
        "desert.json": to_json(table_parameters(7, 2, 10.0)),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--settings": '{"stepz": 3}'}, "--settings: stepz: no such key (did you mean steps?)"),
        ({"--settings": "{"}, "not valid JSON"),
        (
            {"--model-settings": '{"law": "magic", "states": true, "hidden": [8]}'},
            "--model-settings: law: 'magic': expected one of bulk, leaf, mlp",
        ),
        ({"--periods": "wrong.json"}, "expected FIRST:LAST"),
        ({"--periods": "parameters.json"}, "expected train, validation, each"),
        ({"--parameters": "absent.json"}, "no such file"),
        ({"--observations": "forcing.nc"}, "has no variable Qle"),
        ({"--parameters": "three.json"}, "3 soil layers, expected the 5"),
        ({"--parameters": "high.json"}, "reference_height is 10 m"),
        ({"--parameters": "desert.json"}, "desert.json: rs = 0.01 s m-1, expected 5 to 2000, as calibrated"),
    ],
)
def test_bad_settings_are_one_line(tower, capsys, monkeypatch, change, message):
    for name, changed in unfit_parameters().items():
        write_json(tower / name, changed)
    command = train_command(tower, tower / "bad")
    write_periods(tower / "wrong.json", train="2013-06-31:2013-07-01")
    monkeypatch.chdir(tower)
    for option, value in change.items():
        command[command.index(option) + 1] = value
    assert main(command) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tower / "bad").exists()
