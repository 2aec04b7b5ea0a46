"""Numerical daemons: every training run with every solver, and the loss along parameters."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from evaluation_site import write_periods
from learning_tower import TRAIN, VALIDATION, write_tower
from PIL import Image

from lad.cli import main
from lad.evaluation import experiments, solvers
from lad.evaluation.series import Simulated
from lad.observations import Observed
from lad.tables import document
from lad.tables.solvers import solver_gains_tables
from lad.training.files import load_model

TEST = "2013-06-22:2013-06-29"
SETTINGS = {"steps": 2, "batch": 2, "window_days": [1], "learning_rate": 0.01, "refresh": 2, "patience": 9}
SETTINGS |= {"weight_decay": 0.1, "loss": "variance", "integrator": None}
LAW = {"law": "mlp", "states": True, "hidden": [4]}


def files(tower):
    """Options that both steps share, on the synthetic month."""
    return [
        *("--site", "XX-Tst", "--forcing", str(tower / "forcing.nc")),
        *("--observations", str(tower / "observations.nc"), "--parameters", str(tower / "parameters.json")),
        *("--periods", str(write_periods(tower / "periods.json", TRAIN, VALIDATION, TEST))),
    ]


def daemons_command(tower, *integrators, seeds=2):
    """Arguments of `lad daemons`."""
    folder = tower / "daemons"
    models = [
        f"{name}/{seed}={folder}/{name}/seed{seed}.eqx" for name in integrators for seed in range(seeds)
    ]
    options = [option for option in files(tower) if option != "--parameters"]
    options.remove(str(tower / "parameters.json"))
    return [
        "daemons",
        *options,
        "--model",
        *models,
        "--spinup-passes",
        "0",
        "--output-directory",
        str(folder),
    ]


def with_models(folder, models, output=None):
    """Arguments of `lad daemons` for label → network of those in `folder`; None: not given."""
    command = daemons_command(folder.parent)
    paths = [
        f"{label}={folder}/{name.replace('/', '/seed')}.eqx"
        for label, name in models.items()
        if name is not None
    ]
    place = command.index("--model") + 1
    command[place:place] = paths
    command[-1] = str(output or folder)
    return command


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    """What `lad train` through two solvers and `lad daemons` leave."""
    tower = write_tower(tmp_path_factory.mktemp("daemons"))
    for name in ("explicit-1", "split-1"):
        command = ["train", *files(tower), "--settings", json.dumps(SETTINGS), "--seeds", "2"]
        command += ["--model-settings", json.dumps(LAW), "--integrator", name]
        assert main([*command, "--output-directory", str(tower / "daemons" / name)]) == 0
    assert main(daemons_command(tower, "explicit-1", "split-1")) == 0
    return tower / "daemons"


@pytest.mark.slow
def test_every_training_is_run_with_every_solver(crossed):
    scores = pd.read_csv(crossed / "cross.csv")
    keys = ["target", "trained_with", "run_with", "seed"]
    assert not scores.duplicated(keys).any() and len(scores) == 2 * 2 * 2 * 3
    assert set(scores.seed) == {"0", "1", "ensemble"} and np.isfinite(scores.rmse).all()
    by = scores.set_index(keys).rmse
    for trained in ("explicit-1", "split-1"):  # the solver of the run matters, and so does that of training
        assert by["LE", trained, "explicit-1", "0"] != by["LE", trained, "split-1", "0"]
    assert by["LE", "explicit-1", "split-1", "0"] != by["LE", "split-1", "split-1", "0"]


@pytest.mark.slow
def test_gains_follow_from_the_scores(crossed):
    scores, gained = (pd.read_csv(crossed / name) for name in ("cross.csv", "gains.csv"))
    mean = scores[scores.seed == "ensemble"].set_index(["target", "trained_with", "run_with"]).rmse
    for row in gained.itertuples():
        r = mean[row.target]
        own = r[row.one, row.one] + r[row.other, row.other]
        assert row.gain == pytest.approx(
            0.5 * (r[row.one, row.other] + r[row.other, row.one] - own), abs=5e-3
        )
        assert row.rmse == pytest.approx(own / 2, rel=1e-5)
        assert row.in_one == pytest.approx(r[row.other, row.one] - r[row.one, row.one], abs=5e-3)
        assert row.gain == pytest.approx(0.5 * (row.in_one + row.in_other), abs=5e-3)
    assert list(gained.target) == ["LE", "H"]


@pytest.mark.slow
def test_files_of_the_experiment(crossed):
    text = (crossed / "cross.md").read_text(encoding="utf-8")
    assert "| trained with |" in re.sub(" +", " ", text) and "learns to correct" in text
    verdicts = [line.split("|")[-2].strip() for line in text.splitlines() if line.startswith("| XX-Tst")]
    gains = pd.read_csv(crossed / "gains.csv")
    assert verdicts == list(gains.verdict)
    with Image.open(crossed / "cross.png") as image:
        assert {"explicit-1/0", "split-1/1"} <= set(json.loads(image.text["provenance"])["inputs"])
    one, other = (load_model(crossed / name / "seed0.eqx") for name in ("explicit-1", "split-1"))
    weights = [np.asarray(model.fluxes.network.layers[0].weight) for model in (one, other)]
    assert weights[0].shape == weights[1].shape and not np.array_equal(*weights)
    assert not list(crossed.glob("*/checkpoint.eqx"))


def pairs(correction: float, error: float = 10.0) -> tuple[Observed, dict]:
    """A year of made-up fluxes whose own pairs have an error of `error`, and crossed ones of `error + correction`."""
    time = np.datetime64("2013-01-01") + np.arange(48 * 364) * np.timedelta64(30, "m")
    rng = np.random.default_rng(0)
    flux = {target: rng.normal(50.0, 60.0, time.size) for target in ("LE", "H")}
    every = dict.fromkeys(flux, np.ones(time.size, dtype=bool))
    noise = rng.normal(0.0, 1.0, (3, time.size))
    noise -= noise.mean(axis=0)  # the mean over seeds has the common error alone
    common = rng.normal(0.0, 1.0, time.size)

    def run(size):
        members = {target: x + size * common + 0.1 * size * noise for target, x in flux.items()}
        return Simulated(("0", "1", "2"), members)

    crossed = {
        (a, b): run(error + correction * (a != b)) for a in ("coarse", "fine") for b in ("coarse", "fine")
    }
    return Observed(time, flux, every, dict.fromkeys(flux, np.zeros(time.size, dtype=bool))), crossed


def run_of(run: Simulated, seeds: int) -> Simulated:
    """The first seeds of a run."""
    return Simulated(run.seeds[:seeds], {target: flux[:seeds] for target, flux in run.flux.items()})


@pytest.mark.parametrize(
    "correction, verdict", [(2.0, "learns to correct"), (0.0, "does not"), (-1.0, "does not")]
)
def test_a_synthetic_correction_is_found(correction, verdict):
    observed, crossed = pairs(correction)
    scores = solvers.cross_scores("XX-Tst", "2013-01-01:2013-12-30", observed, crossed)
    gained = solvers.gains(observed, crossed, scores)
    assert list(gained.verdict) == [verdict, verdict]
    assert gained.gain.to_numpy() == pytest.approx(correction, abs=0.05)
    assert (gained.low <= gained.gain).all() and (gained.gain <= gained.high).all()


@pytest.mark.parametrize("seeds", [3, 1])
def test_an_instability_is_no_correction(seeds):
    """The network of the fine solver alone is bad in the coarse one, that of the coarse one is alike in both."""
    observed, crossed = pairs(0.0)
    crossed["fine", "coarse"] = pairs(9.0)[1]["fine", "coarse"]
    crossed = {pair: run_of(run, seeds) for pair, run in crossed.items()}
    scores = solvers.cross_scores("XX-Tst", "2013-01-01:2013-12-30", observed, crossed)
    gained = solvers.gains(observed, crossed, scores)
    assert set(gained.verdict) == {"one-sided" if seeds > 1 else "not significant"}
    assert gained.gain.to_numpy() == pytest.approx(4.5, abs=0.1) and (gained.least.abs() < 0.05).all()
    assert "nan" not in document("", solver_gains_tables(gained))


def test_a_worse_training_beside_an_instability_is_no_correction():
    """Foreign training costs in both solvers, but the coarse solver's network does not lose by the fine one."""
    observed, crossed = pairs(0.0)
    crossed["fine", "coarse"] = pairs(9.0)[1]["fine", "coarse"]
    for run in ("coarse", "fine"):
        crossed["coarse", run] = pairs(1.0)[1]["coarse", "fine"]
    scores = solvers.cross_scores("XX-Tst", "2013-01-01:2013-12-30", observed, crossed)
    gained = solvers.gains(observed, crossed, scores)
    assert (gained[["in_one", "in_other"]] > 0.5).all(axis=None)
    assert set(gained.verdict) == {"one-sided"}


def test_verdicts():
    sure, open_ = [(0.1, 0.5), (0.2, 0.6)], [(0.1, 0.5), (-0.1, 0.6)]
    assert solvers.gain_verdict(20.0, sure, 0.2, sure) == "learns to correct"
    assert solvers.gain_verdict(20.0, sure, 0.1, sure) == "one-sided"
    assert solvers.gain_verdict(20.0, sure, 0.2, open_) == "one-sided"
    assert solvers.gain_verdict(20.0, [(-0.3, 0.1), (-0.1, 0.19)], 0.2, sure) == "does not"
    assert solvers.gain_verdict(20.0, open_, 0.2, open_) == "not significant"
    assert (
        solvers.gain_verdict(20.0, [(-0.1, 0.1), (np.nan, np.nan)], 0.2, [(0.1, 0.2), (np.nan, np.nan)])
        == "not significant"
    )


@pytest.mark.parametrize(
    "integrators, message",
    [
        (("fast-1",), "--model: fast-1 (0 1): expected two or more solvers, all with the same seeds"),
        (("fast-1", "rk4"), "integrator 'rk4': expected one of explicit, split, euler, fast"),
        (("fast-1", "split-1"), "daemons/fast-1/seed0.eqx: no such file"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, integrators, message):
    assert main(daemons_command(write_tower(tmp_path), *integrators)) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_one_seed_decides_nothing():
    observed, crossed = pairs(2.0)
    alone = {pair: run_of(run, 1) for pair, run in crossed.items()}
    scores = solvers.cross_scores("XX-Tst", "2013-01-01:2013-12-30", observed, alone)
    gained = solvers.gains(observed, alone, scores)
    assert set(gained.verdict) == {"not significant"}
    assert document("", solver_gains_tables(gained)).count("one seed") == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed, message",
    [
        (
            {"split-1/1": None},
            "explicit-1 (0 1), split-1 (0): expected two or more solvers, all with the same seeds",
        ),
        ({"split-1/1": "explicit-1/1"}, "explicit-1/seed1.eqx: trained through explicit-1, expected split-1"),
    ],
)
def test_seeds_and_solvers_of_the_trainings_are_compared(crossed, capsys, changed, message):
    models = {label: label for label in ("explicit-1/0", "explicit-1/1", "split-1/0", "split-1/1")} | changed
    assert main(with_models(crossed, models)) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.slow
def test_networks_whose_steps_went_through_another_solver_are_refused(crossed, capsys, monkeypatch):
    def stepped(file, record=experiments.training_record):
        return (found := record(file)) | {"training": found["training"] | {"integrator": "euler-1"}}

    monkeypatch.setattr(experiments, "training_record", stepped)
    labels = [f"{name}/{seed}" for name in ("explicit-1", "split-1") for seed in range(2)]
    assert main(with_models(crossed, {label: label for label in labels})) == 2
    assert "explicit-1/seed0.eqx: trained through euler-1, expected explicit-1" in capsys.readouterr().err


@pytest.mark.slow
def test_the_order_of_seeds_does_not_matter(crossed, tmp_path):
    models = dict.fromkeys(("explicit-1/0", "explicit-1/1", "split-1/1", "split-1/0"))
    assert main(with_models(crossed, {label: label for label in models}, tmp_path)) == 0
    for name in ("cross.csv", "gains.csv"):
        assert (tmp_path / name).read_bytes() == (crossed / name).read_bytes()


def test_test_period_inside_training_is_refused(tmp_path, capsys):
    command = daemons_command(write_tower(tmp_path), "fast-1", "split-1")
    write_periods(tmp_path / "periods.json", TRAIN, VALIDATION, "2013-06-15:2013-06-29")
    assert main(command) == 2
    assert "overlaps" in capsys.readouterr().err


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """Losses along the stomatal resistance of the synthetic month, with few solvers and points."""
    tower, patch = write_tower(tmp_path_factory.mktemp("landscape")), pytest.MonkeyPatch()
    with patch.context() as changed:
        changed.setattr(experiments, "LANDSCAPE_SOLVERS", ("fast-1", "fast-4"))
        changed.setattr(experiments, "LANDSCAPE_POINTS", 9)
        command = ["landscape", *files(tower), "--along", "rs", "--output-directory", str(tower / "out")]
        assert main(command) == 0
    return tower / "out"


@pytest.mark.slow
def test_gradients_along_a_parameter_are_those_of_differences(curves):
    table = pd.read_csv(curves / "landscape.csv")
    fast = table[(table.solver == "fast-1") & (table.range == "wide")]
    assert len(fast) == 9
    np.testing.assert_allclose(fast.by_autodiff, fast.by_difference, rtol=1e-4, atol=1e-6)
    # and they are those of the curve itself
    b = {name: group for name, group in table.groupby(["solver", "range"])}
    close = b["fast-1", "close"]
    rise = np.gradient(close.loss.to_numpy(), 0.02 / 8)[1:-1]
    np.testing.assert_allclose(rise, close.by_autodiff[1:-1], rtol=0.02)
    np.testing.assert_allclose(fast.loss, b["fast-4", "wide"].loss, rtol=0.01)


@pytest.mark.slow
def test_landscape_in_numbers(curves):
    text = (curves / "landscape.md").read_text(encoding="utf-8")
    assert all(f"| rs | {name} |" in re.sub(" +", " ", text) for name in ("original-1", "fast-1", "fast-4"))
    found = pd.read_csv(curves / "summary.csv")
    assert list(found.columns) == solvers.SUMMARY_COLUMNS
    assert found.kinks_close.astype(int).astype(str).tolist() == [
        line.split("|")[6].strip() for line in text.splitlines() if line.startswith("| rs")
    ]  # not of the rounded losses
    with Image.open(curves / "landscape.png") as image:
        assert image.size[0] > 1000 and "forcing" in image.text["provenance"]


def test_kinks_and_minimum_of_a_curve():
    x = np.linspace(-1.0, 1.0, 41)
    assert solvers.kinks(x**2) == 0
    assert solvers.kinks(x**3 + 1e-3 * x**2) == 1
    assert solvers.kinks(x**2 + 1e-2 * (-1.0) ** np.arange(41)) == 38
    assert np.isnan(solvers.kinks(np.where(x > 0, np.nan, x)))
    assert solvers.lowest(x, (x - 0.013) ** 2) == pytest.approx(0.013, abs=1e-9)
    assert np.isnan(solvers.lowest(x, x))


def test_unknown_parameter_is_one_line(tmp_path, capsys):
    command = [
        "landscape",
        *files(write_tower(tmp_path)),
        "--along",
        "LAI",
        "--output-directory",
        str(tmp_path),
    ]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "--along LAI: expected one of rs, Wmax, z0" in error and error.count("\n") == 1
