"""One network for many towers: what its training, its place at a tower and its scores are."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from learning_tower import Bursting
from many_towers import LAW, SETTINGS, SITES, train_command, write_towers
from PIL import Image

from lad.cli import main
from lad.errors import InputError
from lad.evaluation.metrics import METRICS
from lad.evaluation.multi_site import joint_scores
from lad.evaluation.scores import SCORE_COLUMNS
from lad.fluxes import FORCING_INPUTS
from lad.integrate.named import named
from lad.io import read_netcdf, write_csv, write_netcdf
from lad.learn import checkpoint
from lad.learn import fit as single
from lad.learn.files import load_model
from lad.learn.hybrid import Free, random_law, stacked_weights, with_weights
from lad.learn.rounds import Settings
from lad.many import devices, survey
from lad.many import fit as many
from lad.many.joint import Joint, load_joint, pooled_scaling, save_joint
from lad.many.place import place
from lad.model import Model
from lad.periods import parse_periods
from lad.steps.train_many import read_towers


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """Folder with the files of all sites."""
    return write_towers(tmp_path_factory.mktemp("towers"))


def read(folder, sites, law=LAW):
    """Towers and moments of `sites`."""
    files = {
        site: {"forcing": folder / site / "forcing.nc", "observations": folder / site / "observations.nc"}
        | {"periods": folder / site / "periods.json"}
        for site in sites
    }
    return read_towers(files, law, named("euler-1"))


def untrained(towers, moments, seed=0):
    """A network of random weights."""
    scaling = pooled_scaling([t.place for t in towers], moments, [t.data.scale() for t in towers])
    return random_law(LAW, scaling, seed)


def left(output):
    """History, and arrays of all seeds, of a training."""
    networks = [load_joint(output / f"seed{seed}.eqx")[0] for seed in (0, 1)]
    return pd.read_csv(output / "history.csv"), jax.tree.leaves(eqx.filter(networks, eqx.is_array))


def test_training_of_one_site_is_that_of_lad_train(towers, tmp_path):
    """Steps, surveys and windows of the lanes are those of the training of a single site, gap included."""
    found, moments = read(towers, ["XX-Two"])
    tower, settings = found[0], Settings.from_dict(SETTINGS, "x")
    assert len(tower.data.segments) == 2
    laws = [untrained(found, moments, seed) for seed in (0, 1)]
    free = Free(stacked_weights(laws), jnp.zeros((2, 8)))
    about = {"seed": 0, "label": "x", "fingerprint": ""}

    def joint(free):
        return Joint(with_weights(laws[0], free.weights), free.body)

    solver = named("euler-1")
    one = single.fit(
        *(lambda free: joint(free).at(tower.place), free, tower.start, tower.data, solver, settings),
        **about,
        checkpoint=tmp_path / "one",
        surface=jnp.asarray(tower.surface),
    )
    other = many.fit(joint, free, found, solver, settings, **about, checkpoint=tmp_path / "many")
    pd.testing.assert_frame_equal(one.history, other.history, rtol=1e-9)
    assert one.history.train_loss.nunique() > 4
    for a, b in zip(jax.tree.leaves(one.free), jax.tree.leaves(other.free), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_gradient_not_finite_stops_with_site_half_hour_and_flux(towers, tmp_path):
    """XX-One is dry, so that the law bursts at the second site."""

    class Joined(eqx.Module):
        weight: jax.Array

        def at(self, place):
            return Model(place.space.table, Bursting(self.weight))

    found, _ = read(towers, ["XX-One", "XX-Two"])
    forcing = found[0].data.forcing
    dry = dataclasses.replace(forcing, Rainf=jnp.zeros_like(forcing.Rainf))
    found[0] = found[0]._replace(data=dataclasses.replace(found[0].data, forcing=dry))
    settings = Settings.from_dict(SETTINGS | {"window_days": [6]}, "x")
    about = {"seed": 0, "label": "x", "checkpoint": tmp_path / "c", "fingerprint": ""}
    free = jnp.array([1.0, 2.0])
    with pytest.raises(
        InputError, match=r"^x: .* member 0 not finite in step 1, at XX-Two, by .* 2013-06-\d\d"
    ):
        many.fit(Joined, free, found, named("euler-1"), settings, **about)


@pytest.fixture(scope="module")
def of_one_device(towers):
    """Result of `lad train-many` in this process, which has one device; half.eqx is its first checkpoint."""

    def keep(path, *rest):
        save(path, *rest)
        if not (towers / "half.eqx").exists():
            shutil.copy(path, towers / "half.eqx")

    with pytest.MonkeyPatch.context() as patch:
        save = checkpoint.save
        patch.setattr(checkpoint, "save", keep)
        assert jax.device_count() == 1 and main(train_command(towers, towers / "one")) == 0
    return left(towers / "one")


def agree(one, other):
    """Histories and networks are the same but for round-off."""
    pd.testing.assert_frame_equal(one[0], other[0], rtol=1e-5)
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_several_devices_go_on_from_the_checkpoint_of_one(towers, of_one_device):
    """Three sites on four devices, one of which has none."""
    header, _, arrays = (towers / "half.eqx").read_bytes().partition(b"\n")
    header = json.loads(header)
    header["history"][0]["train_loss"] = 99.0  # by which the checkpoint is known
    (towers / "four").mkdir()
    (towers / "four" / "checkpoint.eqx").write_bytes(json.dumps(header).encode() + b"\n" + arrays)
    command = [sys.executable, "-m", "lad.cli", *train_command(towers, towers / "four")]
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "4"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "3 sites on 4 × cpu, four: " in result.stderr
    history, arrays = left(towers / "four")
    assert history.train_loss[0] == 99.0
    history.loc[0, "train_loss"] = of_one_device[0].train_loss[0]
    agree(of_one_device, (history, arrays))


def test_sites_side_by_side_give_what_they_give_one_after_the_other(towers, of_one_device, monkeypatch):
    """As on an accelerator, also where lanes end before the longest."""
    monkeypatch.setattr(devices, "at_once", lambda: True)
    monkeypatch.setattr(survey, "at_once", lambda: True)
    assert main(train_command(towers, towers / "side")) == 0
    agree(of_one_device, left(towers / "side"))


@pytest.mark.skipif("LAD_TEST_PROCESSES" not in os.environ, reason="only with LAD_TEST_PROCESSES=1")
def test_processes_of_a_slurm_step_give_the_network_of_one(towers, of_one_device):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    step = {"SLURM_JOB_ID": "1", "SLURM_STEP_NODELIST": "localhost", "SLURM_LOCALID": "0"}
    step |= {"SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "JAX_COORDINATOR_ADDRESS": address}
    command = [sys.executable, "-m", "lad.cli", *train_command(towers, towers / "two")]
    processes = [
        subprocess.Popen(
            command, env=os.environ | step | {"SLURM_PROCID": rank}, stderr=subprocess.PIPE, text=True
        )
        for rank in ("0", "1")
    ]
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert "4/4" in told[0] and "4/4" not in told[1]  # one of them tells
    agree(of_one_device, left(towers / "two"))


def test_sites_count_alike_in_the_scaling(towers):
    found, moments = read(towers, list(SITES))
    places = [tower.place for tower in found]
    scales = [tower.data.scale() for tower in found]
    scaling = pooled_scaling(places, moments, scales)
    air = FORCING_INPUTS.index("Tair")
    means = np.array([mean[air] for mean, _ in moments])
    stds = np.array([std[air] for _, std in moments])
    # the moments of as many values of each site as of the others
    rng = np.random.default_rng(0)
    values = [
        m + s * (x - x.mean()) / x.std()
        for m, s, x in zip(means, stds, rng.normal(size=(3, 50)), strict=True)
    ]
    assert scaling.input_mean[air] == pytest.approx(np.mean(values))
    assert scaling.input_std[air] == pytest.approx(np.std(values))
    attributes = np.stack([tower.attributes for tower in places])
    assert np.allclose(scaling.input_mean[-3:], attributes.mean(axis=0))
    assert list(attributes[:, 2]) == [0.5, 1.5, 2.5]
    # wind that is made up at a site has no part, and is not seen there
    hidden = np.array([name == "Wind" for name in FORCING_INPUTS])
    places[0] = eqx.tree_at(lambda p: p.hidden, places[0], hidden)
    wind = FORCING_INPUTS.index("Wind")
    others = pooled_scaling(places, moments, scales)
    assert others.input_mean[wind] == pytest.approx(np.mean([mean[wind] for mean, _ in moments[1:]]))
    joint = Joint(random_law(LAW, others, 0), jnp.zeros(8))
    std = [joint.at(here).fluxes.network.scaling.input_std[wind] for here in places]
    assert np.isinf(std[0]) and np.isfinite(std[1])


def test_a_network_is_placed_at_a_tower_by_its_forcing_file_alone(towers, tmp_path):
    found, moments = read(towers, ["XX-One", "XX-Two"])
    joint = Joint(untrained(found, moments), jnp.linspace(-0.3, 0.3, 8))
    save_joint(tmp_path / "seed0.eqx", joint, LAW, {"seed": 0})
    again, settings = load_joint(tmp_path / "seed0.eqx")
    assert eqx.tree_equal(again, joint) and settings == LAW
    with pytest.raises(InputError, match=r"seed0.eqx: is a network for many towers, lad place"):
        load_model(tmp_path / "seed0.eqx")
    forcing, output = towers / "XX-Thr" / "forcing.nc", tmp_path / "model.eqx"
    command = ["place", "--network", str(tmp_path / "seed0.eqx"), "--forcing", str(forcing)]
    assert main([*command, "--output", str(output)]) == 0
    model = load_model(output)
    expected = joint.at(place(forcing, 10.0, LAW["attributes"]))
    assert eqx.tree_equal(model.fluxes, expected.fluxes)
    assert model.parameters.rs == pytest.approx(float(expected.parameters.rs))
    assert model.fluxes.network.attributes[2] == 2.5
    seen = Joint(joint.law, jnp.zeros(8)).at(found[0].place).parameters
    assert seen.rs == pytest.approx(float(found[0].place.space.table.rs))  # body at the table's values


def test_a_network_without_attributes_is_the_same_at_all_towers(towers, tmp_path):
    law = LAW | {"attributes": []}
    found, moments = read(towers, ["XX-One", "XX-Two"], law)
    scaling = pooled_scaling([t.place for t in found], moments, [t.data.scale() for t in found])
    joint = Joint(random_law(law, scaling, 0), jnp.zeros(8))
    save_joint(tmp_path / "seed0.eqx", joint, law, {})
    again, settings = load_joint(tmp_path / "seed0.eqx")
    assert eqx.tree_equal(again, joint) and settings == law
    one, other = (again.at(tower.place).fluxes for tower in found)
    assert eqx.tree_equal(one, other)


def test_leaf_area_is_the_mean_of_the_record(towers, tmp_path):
    forcing = read_netcdf(towers / "XX-One" / "forcing.nc").drop_encoding()
    forcing["LAI"] = ("time", np.linspace(1.0, 4.0, forcing.sizes["time"]))
    write_netcdf(tmp_path / "forcing.nc", forcing)
    assert place(tmp_path / "forcing.nc", 10.0, ["rs", "LAI"]).attributes[1] == pytest.approx(2.5)


def shown(path, heading, site) -> tuple[list[str], list[str]]:
    """Heading and cells of a site's row in a table of a Markdown file."""
    lines = path.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    (row,) = [row for row in rows if row[0] == site]
    return rows[0], row


def test_scores_of_what_a_site_was_left_out_of(towers, tmp_path, capsys):
    found, moments = read(towers, ["XX-One"])
    networks = []
    for fold in ("all", *SITES, "C9"):
        for seed in (0, 1):
            path = tmp_path / fold / f"seed{seed}.eqx"
            law = untrained(found, moments, seed + 10 * len(networks))
            trained_on = [site for site, (cover, _) in SITES.items() if fold not in (site, f"C{cover}")]
            origin = {"settings": {"sites": trained_on, "training": SETTINGS}}
            save_joint(path, Joint(law, jnp.zeros(8)), LAW, origin)
            networks.append(f"{fold}/{seed}={path}")
    row = dict.fromkeys(METRICS, 1.0) | {"site": "XX-One", "target": "LE", "period": "p", "seed": ""}
    row |= {"n": 9, "n_not_known": 0}
    write_csv(
        tmp_path / "scores.csv",
        pd.DataFrame([row | {"model": "bulk"}, row | {"model": "mlp"}])[SCORE_COLUMNS],
    )
    command = train_command(towers, tmp_path)
    files = command[1 : command.index("--model-settings")]
    tables = ["--scores", str(tmp_path / "scores.csv"), "--differences", str(tmp_path / "differences.csv")]
    joint = [
        "joint",
        *files,
        "--network",
        *networks,
        *tables,
        "--own",
        "mlp",
        "--integrator",
        "euler-1",
    ]
    joint += ["--output", str(tmp_path / "joint.csv"), "--table", str(tmp_path / "joint.md")]
    joint += ["--figure", str(tmp_path / "joint.png")]
    assert main(joint) == 0
    table = pd.read_csv(tmp_path / "joint.csv", dtype={"seed": str}).query("target == 'LE'")
    told = table[table.seed.isin(["ensemble"])].set_index(["site", "fitted_on"]).rmse
    assert told["XX-One", "others"] == told["XX-One", "other types"]  # no other site is of its type
    assert told["XX-Thr", "others"] != told["XX-Thr", "other types"]
    assert told.groupby("site").nunique().min() == 2
    lines = table[table.model.isin(["1lin", "2lin", "3km27"])]
    assert set(lines.fitted_on) == {"others"} and lines.groupby("site").rmse.nunique().min() > 1
    assert list(table[table.fitted_on == "itself"].model) == ["bulk", "mlp"]
    head, told = shown(tmp_path / "joint.md", "LE, RMSE", "XX-Thr")
    columns = {
        "multi-site, without its type": "other types",
        "multi-site, without it": "others",
        "multi-site, with it": "all",
    }
    joints = table[(table.site == "XX-Thr") & (table.seed == "ensemble")].set_index("fitted_on").rmse
    assert {name: told[head.index(name)] for name in columns} == {
        name: f"{joints[fitted_on]:.2f}" for name, fitted_on in columns.items()
    }
    ends = pd.read_csv(tmp_path / "differences.csv").query("target == 'LE' and metric == 'rmse'")
    pair = ends.query("site == 'XX-Thr' and model == 'joint (others)' and reference == 'joint (all)'")
    assert pair.difference.item() == pytest.approx(joints["others"] - joints["all"], abs=1e-3)
    head, told = shown(tmp_path / "joint.md", "LE, RMSE of the network without the site", "XX-Thr")
    assert (
        told[head.index("less multi-site, with it")] == f"{pair.difference.item():+.2f}"
    )  # one week has no interval
    assert "at most 4 steps on 2 windows of 1 days" in (tmp_path / "joint.md").read_text(encoding="utf-8")
    about = json.loads((tmp_path / "joint.json").read_text(encoding="utf-8"))["settings"]
    with Image.open(tmp_path / "joint.png") as image:
        assert json.loads(image.text["provenance"])["settings"] == about
    assert about["test"]["XX-One"] == ["2013-06-22:2013-06-28"] and about["integrator"] == "euler-1"
    swapped = [{"XX-One": "XX-Two", "XX-Two": "XX-One"}.get(word, word) for word in joint]
    for command, said in (
        (
            [word.replace("mlp", "nlp") for word in joint],
            "--own nlp: expected a model of --scores, bulk, mlp",
        ),
        (swapped, "forcing.nc: is of site XX-One, expected XX-Two"),
    ):
        assert main(command) == 2
        assert said in capsys.readouterr().err
    # a network that knows what it is to be without, and one that does not tell what it knows
    first = tmp_path / "XX-One" / "seed0.eqx"
    content = first.read_bytes()
    for sites, said in (
        (["XX-Thr", "XX-One"], "was trained on XX-One, expected a network without it"),
        ([], "tell"),
    ):
        header = json.loads(content.partition(b"\n")[0]) | {"provenance": {"settings": {"sites": sites}}}
        first.write_bytes(json.dumps(header).encode() + b"\n" + content.partition(b"\n")[2])
        assert main(joint) == 2
        assert f"{first}: " in (error := capsys.readouterr().err) and said in error
    first.write_bytes(content)
    joint[joint.index("--network") + 1 : joint.index("--scores")] = networks[:2]
    assert main(joint) == 2
    assert "--network: no fold XX-One" in capsys.readouterr().err


def test_a_type_that_no_fold_is_without_has_no_score(towers, tmp_path):
    """Sites of one type, as their files tell: networks without one of them know the type."""
    found, moments = read(towers, ["XX-One", "XX-Two"])
    networks = {}
    for fold, sites in (("all", ["XX-One", "XX-Two"]), ("XX-One", ["XX-Two"]), ("C6", ["XX-Two"])):
        path = tmp_path / fold / "seed0.eqx"
        origin = {"settings": {"sites": sites}}
        save_joint(path, Joint(untrained(found, moments), jnp.zeros(8)), LAW, origin)
        networks[fold] = {"0": path}
    files = {name: towers / "XX-One" / f"{name}.nc" for name in ("forcing", "observations")}
    periods = {"train": ["2013-06-01:2013-06-20"], "validation": ["2013-06-09:2013-06-10"]}
    periods = {
        name: parse_periods(texts) for name, texts in (periods | {"test": ["2013-06-22:2013-06-28"]}).items()
    }
    types = {"XX-One": "C6", "XX-Two": "C6"}

    def fitted_on(networks):
        found = joint_scores("XX-One", files, periods, networks, types, {}, named("euler-1"), 0)
        return set(found.scores.fitted_on)

    with pytest.raises(
        InputError, match=r"C6/seed0.eqx: was trained on XX-Two, expected a network without it"
    ):
        fitted_on(networks)
    del networks["C6"]
    assert fitted_on(networks) == {"nothing", "all", "others"}


@pytest.mark.parametrize(
    ("change", "told"),
    {
        "lists": (lambda c: c.pop(c.index("--observations") + 1), "--observations: 2 files for 3 sites"),
        "law": (lambda c: with_law(c, {"law": "bulk", "attributes": []}), "law = 'bulk' has no network"),
        "attribute": (lambda c: with_law(c, LAW | {"attributes": ["age"]}), "attributes = ['age'], expected"),
        "absent": (lambda c: with_law(c, LAW | {"attributes": ["LAI"]}), "forcing.nc: does not tell LAI"),
        "site": (lambda c: c.__setitem__(2, "XX-Fou"), "forcing.nc: is of site XX-One, expected XX-Fou"),
        "twice": (lambda c: c.__setitem__(2, "XX-Thr"), "--site: XX-Thr is given twice"),
        "solver": (lambda c: c.__setitem__(c.index("euler-1"), "magic"), "integrator 'magic': expected"),
    }.values(),
)
def test_bad_input_is_one_line(towers, tmp_path, capsys, change, told):
    command = train_command(towers, tmp_path / "out")
    change(command)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("lad train-many: error: ") and told in error and error.count("\n") == 1


def test_intervals_of_other_length_are_refused(towers, tmp_path, capsys):
    folder = tmp_path / "XX-Two"
    folder.mkdir()
    for name in ("forcing.nc", "observations.nc", "periods.json"):
        (folder / name).write_bytes((towers / "XX-Two" / name).read_bytes())
    for name in ("forcing.nc", "observations.nc"):
        write_netcdf(
            folder / name, read_netcdf(folder / name).isel(time=slice(None, None, 2)).drop_encoding()
        )
    command = [text.replace(str(towers / "XX-Two"), str(folder)) for text in train_command(towers, tmp_path)]
    assert main(command) == 2
    assert "intervals of 3600 s, expected 1800 s as elsewhere" in capsys.readouterr().err


def with_law(command: list[str], law) -> None:
    """Other settings of the model."""
    command[command.index("--model-settings") + 1] = json.dumps(law)
