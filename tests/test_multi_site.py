"""One network for several towers: its training, its use at a tower, its scores."""

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
from learning_towers import LAW, SETTINGS, SITES, train_command, write_towers
from PIL import Image

from lad.cli import main
from lad.constants import ANTECEDENTS
from lad.errors import InputError
from lad.evaluation.metrics import METRICS
from lad.evaluation.multi_site import multi_site_scores
from lad.evaluation.scores import SCORE_COLUMNS
from lad.fluxes import FORCING_INPUTS, Scaling
from lad.forcing import rows
from lad.integrate.named import named
from lad.io import read_netcdf, write_csv, write_netcdf
from lad.model import Model
from lad.periods import parse_periods, read_periods
from lad.settings import Descent, ModelSettings
from lad.training import devices, free_run, loop
from lad.training.files import load_hybrid, load_model, save_hybrid, save_model
from lad.training.free_run import FreeRuns
from lad.training.hybrid import Hybrid, law_at, stacked, training_scaling, untrained_law
from lad.training.lanes import ROWS, lanes, rounded_up
from lad.training.sites import at_step, read_site, unseen_anchor


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """Folder with the files of all sites."""
    return write_towers(tmp_path_factory.mktemp("towers"))


def read(folder, sites, attributes=LAW["attributes"]):
    """The sites of a training."""
    return [
        read_site(
            site,
            folder / site / "forcing.nc",
            folder / site / "observations.nc",
            **read_periods(folder / site / "periods.json", "train", "validation"),
            attributes=attributes,
        )
        for site in sites
    ]


def untrained(sites, seed=0, law=LAW):
    """A hybrid of random weights."""
    settings = ModelSettings(**law)
    return Hybrid(untrained_law(settings, training_scaling(sites, settings), seed), jnp.zeros(8))


def save(path, hybrid, sites, origin, law=LAW):
    """Write a hybrid as a training does."""
    save_hybrid(path, hybrid, ModelSettings(**law), {site.site_id: site.anchor for site in sites}, origin)


def left(output):
    """History, and arrays of all seeds, of a training."""
    networks = [load_hybrid(output / f"seed{seed}.eqx")[0] for seed in (0, 1)]
    return pd.read_csv(output / "history.csv"), jax.tree.leaves(eqx.filter(networks, eqx.is_array))


@pytest.mark.slow
def test_a_site_that_does_not_count_changes_nothing(towers):
    """A longer one, beside a site with a gap in its record."""
    (site,) = read(towers, ["XX-Two"])
    assert len(site.data.segments) == 2
    hybrids = [untrained([site], seed) for seed in (0, 1)]
    free, settings = stacked([hybrid.free() for hybrid in hybrids]), Descent(**SETTINGS)

    def runs(sites):
        return FreeRuns(
            lambda free, anchor: hybrids[0].with_free(free).at(anchor),
            sites,
            named("euler-1"),
            "variance",
            "x",
        )

    one, two = runs([site]), runs([site, *read(towers, ["XX-One"])])
    share = np.array([1.0, 0.0])
    two.lanes, two.shared = (eqx.tree_at(lambda x: x.share, x, share) for x in (two.lanes, two.shared))
    found = [loop.fit(free, of, settings, seed=0) for of in (one, two)]
    pd.testing.assert_frame_equal(*(of.history for of in found), rtol=1e-9)
    assert found[0].history.train_loss.nunique() > 4
    for a, b in zip(*(jax.tree.leaves(of.free) for of in found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_gradient_not_finite_stops_with_site_half_hour_and_flux(towers):
    """XX-One is dry, so that the law bursts at the second site."""
    sites = read(towers, ["XX-One", "XX-Two"])
    forcing = sites[0].data.forcing
    dry = dataclasses.replace(forcing, Rainf=jnp.zeros_like(forcing.Rainf))
    sites[0] = sites[0]._replace(data=dataclasses.replace(sites[0].data, forcing=dry))
    runs = FreeRuns(
        lambda weight, anchor: Model(anchor.space.table, Bursting(weight)),
        sites,
        named("euler-1"),
        "variance",
        "x",
    )
    with pytest.raises(
        InputError, match=r"^x: .* member 0 not finite in step 1, at XX-Two, by .* 2013-06-\d\d"
    ):
        loop.fit(jnp.array([1.0, 2.0]), runs, Descent(**SETTINGS | {"window_days": [6]}), seed=0)


@pytest.fixture(scope="module")
def of_one_device(towers):
    """Result of `lad train` in this process, which has one device; half.eqx is its first checkpoint."""

    def keep(path, *rest):
        write(path, *rest)
        if not (towers / "half.eqx").exists():
            shutil.copy(path, towers / "half.eqx")

    with pytest.MonkeyPatch.context() as patch:
        write = loop.save_checkpoint
        patch.setattr(loop, "save_checkpoint", keep)
        assert jax.device_count() == 1 and main(train_command(towers, towers / "one")) == 0
    return left(towers / "one")


def agree(one, other):
    """Histories and networks are the same but for round-off."""
    pd.testing.assert_frame_equal(one[0], other[0], rtol=1e-5)
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_several_devices_go_on_from_the_checkpoint_of_one(towers, of_one_device):
    """Three sites on two devices: one of them has a lane that does not count."""
    header, _, arrays = (towers / "half.eqx").read_bytes().partition(b"\n")
    header = json.loads(header)
    header["history"][0]["train_loss"] = 99.0  # by which the checkpoint is known
    (towers / "pair").mkdir()
    (towers / "pair" / "checkpoint.eqx").write_bytes(json.dumps(header).encode() + b"\n" + arrays)
    command = [sys.executable, "-m", "lad.cli", *train_command(towers, towers / "pair")]
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "2"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "3 sites on 2 devices, pair: " in result.stderr
    history, arrays = left(towers / "pair")
    assert history.train_loss[0] == 99.0
    history.loc[0, "train_loss"] = of_one_device[0].train_loss[0]
    agree(of_one_device, (history, arrays))


@pytest.mark.slow
def test_sites_side_by_side_give_what_they_give_one_after_the_other(towers, of_one_device, monkeypatch):
    """As on an accelerator, also where lanes end before the longest."""
    monkeypatch.setattr(devices, "at_once", lambda: True)
    monkeypatch.setattr(free_run, "at_once", lambda: True)
    assert main(train_command(towers, towers / "side")) == 0
    agree(of_one_device, left(towers / "side"))


@pytest.mark.slow
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
    printed = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert "4/4" in printed[0] and "4/4" not in printed[1]  # one of them reports
    agree(of_one_device, left(towers / "two"))


def test_sites_count_alike_in_the_scaling(towers):
    sites, law = read(towers, list(SITES)), ModelSettings(**LAW)
    scaling = training_scaling(sites, law)
    air = FORCING_INPUTS.index("Tair")
    values = [np.asarray(site.data.forcing.Tair)[site.data.train.any(axis=1)] for site in sites]
    alike = np.concatenate([np.tile(x, np.lcm.reduce([len(x) for x in values]) // len(x)) for x in values])
    assert len({len(x) for x in values}) == 3
    assert scaling.input_mean[air] == pytest.approx(np.mean(alike))
    assert scaling.input_std[air] == pytest.approx(np.std(alike))
    attributes = np.stack([site.anchor.attributes for site in sites])
    assert np.allclose(scaling.input_mean[-3:], attributes.mean(axis=0))
    assert list(attributes[:, 2]) == [0.5, 1.5, 2.5]
    # wind that is gap-filled at a site has no part, and is not seen there
    hidden = np.array([name == "Wind" for name in FORCING_INPUTS])
    sites[0] = sites[0]._replace(anchor=eqx.tree_at(lambda a: a.hidden, sites[0].anchor, hidden))
    wind = FORCING_INPUTS.index("Wind")
    others = training_scaling(sites, law)
    assert others.input_mean[wind] == pytest.approx(training_scaling(sites[1:], law).input_mean[wind])
    hybrid = Hybrid(untrained_law(law, others, 0), jnp.zeros(8))
    std = [hybrid.at(site.anchor).fluxes.network.scaling.input_std[wind] for site in sites]
    assert np.isinf(std[0]) and np.isfinite(std[1])


def test_antecedent_weather_is_an_input_that_is_scaled_and_kept_and_hidden_with_its_variable(
    towers, tmp_path
):
    law = LAW | {"law": "residual", "antecedents": ["Precip", "SWdown"]}
    sites = read(towers, ["XX-One", "XX-Two"])
    hybrid = untrained(sites, law=law)
    save(tmp_path / "seed0.eqx", hybrid, sites, {}, law)
    model = load_model(tmp_path / "seed0.eqx", "XX-One")
    assert eqx.tree_equal(model.fluxes, hybrid.at(sites[0].anchor).fluxes)
    instant, state = (rows(tree, 600) for tree in (sites[0].data.forcing, sites[0].states))

    def changes(fluxes, name):
        """Whether a flux law sees a mean of antecedent weather."""
        number = ANTECEDENTS.index(name)
        spread = sites[0].data.forcing.antecedents[:, number].std()
        before = instant.antecedents.at[number].add(spread)
        changed = dataclasses.replace(instant, antecedents=before)
        return not eqx.tree_equal(
            fluxes(state, instant, model.parameters), fluxes(state, changed, model.parameters)
        )

    assert [name for name in ANTECEDENTS if changes(model.fluxes, name)] == [
        name for name in ANTECEDENTS if name.startswith(("Precip", "SWdown"))
    ]
    unseen = law_at(
        hybrid.law, sites[0].anchor.attributes, np.array([name == "SWdown" for name in FORCING_INPUTS])
    )
    assert changes(unseen, "Precip_1d") and not changes(unseen, "SWdown_1d")


def test_leaf_area_is_an_input_that_the_forcing_must_have(towers, tmp_path):
    law = LAW | {"law": "residual", "LAI": True}
    sites = read(towers, ["XX-One"])
    with pytest.raises(InputError, match="XX-One: the forcing has no LAI, which the network sees"):
        untrained(sites, law=law)
    leaves = jnp.linspace(0.5, 2.0, len(sites[0].data.time))
    forcing = dataclasses.replace(sites[0].data.forcing, LAI=leaves)
    sites[0] = sites[0]._replace(data=dataclasses.replace(sites[0].data, forcing=forcing))
    save(tmp_path / "seed0.eqx", untrained(sites, law=law), sites, {}, law)
    model = load_model(tmp_path / "seed0.eqx", "XX-One")
    instant, state = (rows(tree, 600) for tree in (forcing, sites[0].states))
    greener = dataclasses.replace(instant, LAI=instant.LAI + 1.0)
    assert not eqx.tree_equal(*(model.fluxes(state, x, model.parameters) for x in (instant, greener)))
    # Beside a site without it, whose network does not see it, it is no obstacle.
    both = [sites[0], *read(towers, ["XX-Two"])]
    assert lanes(both, "variance", 1)[0].forcing.LAI is None
    assert np.allclose(lanes(sites, "variance", 1)[0].forcing.LAI[0, : len(leaves)], leaves)


@pytest.mark.parametrize(
    "count, expected", [(1, 70272), (70272, 70272), (70273, 140544), (140544, 140544), (140545, 281088)]
)
def test_records_of_about_the_same_length_are_padded_to_one(count, expected):
    assert rounded_up(count, ROWS) == expected


def test_a_network_may_get_its_scaling_from_the_site(towers):
    sites = read(towers, ["XX-One", "XX-Two"])
    hybrid = untrained(sites)
    scaled = dataclasses.replace(sites[0].anchor, scaling=hybrid.law.network.scaling)
    empty = Scaling(*(jnp.zeros_like(x) for x in jax.tree.leaves(hybrid.law.network.scaling)))
    without = eqx.tree_at(lambda hybrid: hybrid.law.network.scaling, hybrid, empty)
    assert eqx.tree_equal(without.at(scaled).fluxes, hybrid.at(sites[0].anchor).fluxes)


def test_a_network_is_placed_at_a_tower_by_its_forcing_file_alone(towers, tmp_path):
    sites = read(towers, ["XX-One", "XX-Two"])
    hybrid = Hybrid(untrained(sites).law, jnp.linspace(-0.3, 0.3, 8))
    save(tmp_path / "seed0.eqx", hybrid, sites, {"seed": 0})
    again, settings = load_hybrid(tmp_path / "seed0.eqx")
    assert eqx.tree_equal(again, hybrid) and settings == ModelSettings(**LAW)
    with pytest.raises(
        InputError, match=r"seed0.eqx: is a model of XX-One, XX-Two, expected one of these sites"
    ):
        load_model(tmp_path / "seed0.eqx")
    known = load_model(tmp_path / "seed0.eqx", "XX-Two")
    assert eqx.tree_equal(known.fluxes, hybrid.at(sites[1].anchor).fluxes)
    forcing, output = towers / "XX-Thr" / "forcing.nc", tmp_path / "model.eqx"
    command = ["apply", "--network", str(tmp_path / "seed0.eqx"), "--forcing", str(forcing)]
    assert main([*command, "--output", str(output)]) == 0
    model = load_model(output)
    expected = hybrid.at(unseen_anchor(forcing, 10.0, LAW["attributes"]))
    assert eqx.tree_equal(model.fluxes, expected.fluxes)
    assert model.parameters.rs == pytest.approx(float(expected.parameters.rs))
    assert model.fluxes.network.attributes[2] == 2.5
    begun = Hybrid(hybrid.law, jnp.zeros(8)).at(sites[0].anchor).parameters
    assert begun.rs == pytest.approx(float(sites[0].reference.rs))  # the table's values


def test_a_model_of_one_site_is_not_applied_to_another(towers, tmp_path, capsys):
    sites = read(towers, ["XX-One", "XX-Two"])
    hybrid, forcing = untrained(sites), towers / "XX-Thr" / "forcing.nc"
    save(tmp_path / "seed0.eqx", hybrid, sites[:1], {"inputs": {"parameters XX-One": {}}})
    save_model(tmp_path / "model.eqx", hybrid.at(sites[0].anchor), ModelSettings(**LAW), "XX-One")
    for name in ("seed0.eqx", "model.eqx"):
        command = ["apply", "--network", str(tmp_path / name), "--forcing", str(forcing)]
        assert main([*command, "--output", str(tmp_path / "other.eqx")]) == 2
        assert f"{name}: is a model of XX-One, expected a network of lad train" in capsys.readouterr().err


def test_a_network_without_attributes_is_the_same_at_all_towers(towers, tmp_path):
    law = LAW | {"attributes": []}
    sites = read(towers, ["XX-One", "XX-Two"], ())
    hybrid = untrained(sites, law=law)
    save(tmp_path / "seed0.eqx", hybrid, sites, {}, law)
    again, settings = load_hybrid(tmp_path / "seed0.eqx")
    assert eqx.tree_equal(again, hybrid) and settings == ModelSettings(**law)
    one, other = (again.at(site.anchor).fluxes for site in sites)
    assert eqx.tree_equal(one, other)


def test_leaf_area_is_the_mean_of_the_record(towers, tmp_path):
    forcing = read_netcdf(towers / "XX-One" / "forcing.nc").drop_encoding()
    forcing["LAI"] = ("time", np.linspace(1.0, 4.0, forcing.sizes["time"]))
    write_netcdf(tmp_path / "forcing.nc", forcing)
    assert unseen_anchor(tmp_path / "forcing.nc", 10.0, ["rs", "LAI"]).attributes[1] == pytest.approx(2.5)


def shown(path, heading, site) -> tuple[list[str], list[str]]:
    """Heading and cells of a site's row in a table of a Markdown file."""
    lines = path.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    (row,) = [row for row in rows if row[0] == site]
    return rows[0], row


def test_scores_of_what_a_site_was_left_out_of(towers, tmp_path, capsys):
    known = read(towers, ["XX-One"])
    networks = []
    for fold in ("all", *SITES, "C9"):
        for seed in (0, 1):
            path = tmp_path / fold / f"seed{seed}.eqx"
            hybrid = untrained(known, seed + 10 * len(networks))
            trained_on = [site for site, (cover, _) in SITES.items() if fold not in (site, f"C{cover}")]
            origin = {"settings": {"sites": trained_on, "training": SETTINGS}}
            save(path, hybrid, known, origin)
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
    score = [
        "evaluate-multi-site",
        *files,
        "--network",
        *networks,
        *tables,
        "--own",
        "mlp",
        "--integrator",
        "euler-1",
    ]
    score += ["--output", str(tmp_path / "multi_site.csv"), "--table", str(tmp_path / "multi_site.md")]
    score += ["--figure", str(tmp_path / "multi_site.png")]
    assert main(score) == 0
    table = pd.read_csv(tmp_path / "multi_site.csv", dtype={"seed": str}).query("target == 'LE'")
    rmse = table[table.seed.isin(["ensemble"])].set_index(["site", "fitted_on"]).rmse
    assert rmse["XX-One", "others"] == rmse["XX-One", "other types"]  # no other site is of its type
    assert rmse["XX-Thr", "others"] != rmse["XX-Thr", "other types"]
    assert rmse.groupby("site").nunique().min() == 2
    lines = table[table.model.isin(["1lin", "2lin", "3km27"])]
    assert set(lines.fitted_on) == {"others"} and lines.groupby("site").rmse.nunique().min() > 1
    assert list(table[table.fitted_on == "itself"].model) == ["bulk", "mlp"]
    head, cells = shown(tmp_path / "multi_site.md", "LE, RMSE", "XX-Thr")
    columns = {
        "multi-site, without its type": "other types",
        "multi-site, without it": "others",
        "multi-site, with it": "all",
    }
    rmse_of = table[(table.site == "XX-Thr") & (table.seed == "ensemble")].set_index("fitted_on").rmse
    assert {name: cells[head.index(name)] for name in columns} == {
        name: f"{rmse_of[fitted_on]:.2f}" for name, fitted_on in columns.items()
    }
    ends = pd.read_csv(tmp_path / "differences.csv").query("target == 'LE' and metric == 'rmse'")
    pair = ends.query(
        "site == 'XX-Thr' and model == 'multi_site (others)' and reference == 'multi_site (all)'"
    )
    assert pair.difference.item() == pytest.approx(rmse_of["others"] - rmse_of["all"], abs=1e-3)
    head, cells = shown(tmp_path / "multi_site.md", "LE, RMSE of the network without the site", "XX-Thr")
    assert (
        cells[head.index("less multi-site, with it")] == f"{pair.difference.item():+.2f}"
    )  # one week has no interval
    assert "at most 4 steps on 2 windows of 1 days" in (tmp_path / "multi_site.md").read_text(
        encoding="utf-8"
    )
    about = json.loads((tmp_path / "multi_site.json").read_text(encoding="utf-8"))["settings"]
    with Image.open(tmp_path / "multi_site.png") as image:
        assert json.loads(image.text["provenance"])["settings"] == about
    assert about["test"]["XX-One"] == ["2013-06-22:2013-06-28"] and about["integrator"] == "euler-1"
    swapped = [{"XX-One": "XX-Two", "XX-Two": "XX-One"}.get(word, word) for word in score]
    for command, said in (
        (
            [word.replace("mlp", "nlp") for word in score],
            "--own nlp: expected a model of --scores, bulk, mlp",
        ),
        (swapped, "forcing.nc: is of site XX-One, expected XX-Two"),
    ):
        assert main(command) == 2
        assert said in capsys.readouterr().err
    # a network that knows what it is to be without, and one that does not say what it knows
    first = tmp_path / "XX-One" / "seed0.eqx"
    content = first.read_bytes()
    for sites, said in (
        (["XX-Thr", "XX-One"], "was trained on XX-One, expected a network without it"),
        ([], "does not state the sites of its training"),
    ):
        header = json.loads(content.partition(b"\n")[0]) | {"provenance": {"settings": {"sites": sites}}}
        first.write_bytes(json.dumps(header).encode() + b"\n" + content.partition(b"\n")[2])
        assert main(score) == 2
        assert f"{first}: " in (error := capsys.readouterr().err) and said in error
    first.write_bytes(content)
    score[score.index("--network") + 1 : score.index("--scores")] = networks[:2]
    assert main(score) == 2
    assert "--network: no fold XX-One" in capsys.readouterr().err


def test_a_type_that_no_fold_is_without_has_no_score(towers, tmp_path):
    """Sites of one type, as their files say: networks without one of them know the type."""
    known = read(towers, ["XX-One", "XX-Two"])
    networks = {}
    for fold, sites in (("all", ["XX-One", "XX-Two"]), ("XX-One", ["XX-Two"]), ("C6", ["XX-Two"])):
        path = tmp_path / fold / "seed0.eqx"
        origin = {"settings": {"sites": sites}}
        save(path, untrained(known), known, origin)
        networks[fold] = {"0": path}
    files = {name: towers / "XX-One" / f"{name}.nc" for name in ("forcing", "observations")}
    periods = {"train": ["2013-06-01:2013-06-20"], "validation": ["2013-06-09:2013-06-10"]}
    periods = {
        name: parse_periods(texts) for name, texts in (periods | {"test": ["2013-06-22:2013-06-28"]}).items()
    }
    types = {"XX-One": "C6", "XX-Two": "C6"}

    def fitted_on(networks):
        found = multi_site_scores("XX-One", files, periods, networks, types, {}, named("euler-1"), 0)
        return set(found.scores.fitted_on)

    with pytest.raises(
        InputError, match=r"C6/seed0.eqx: was trained on XX-Two, expected a network without it"
    ):
        fitted_on(networks)
    del networks["C6"]
    assert fitted_on(networks) == {"nothing", "all", "others"}


@pytest.mark.parametrize(
    ("change", "message"),
    {
        "lists": (lambda c: c.pop(c.index("--observations") + 1), "--observations: 2 files for 3 sites"),
        "attribute": (
            lambda c: with_law(c, LAW | {"attributes": ["age"]}),
            "--model-settings: attributes.0: 'age': expected 'rs'",
        ),
        "absent": (lambda c: with_law(c, LAW | {"attributes": ["LAI"]}), "forcing.nc: lacks LAI"),
        "site": (lambda c: c.__setitem__(2, "XX-Fou"), "forcing.nc: is of site XX-One, expected XX-Fou"),
        "twice": (lambda c: c.__setitem__(2, "XX-Thr"), "--site: XX-Thr is given twice"),
        "solver": (lambda c: c.__setitem__(c.index("euler-1"), "magic"), "integrator 'magic': expected"),
    }.values(),
)
def test_bad_input_is_one_line(towers, tmp_path, capsys, change, message):
    command = train_command(towers, tmp_path / "out")
    change(command)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("lad train: error: ") and message in error and error.count("\n") == 1


@pytest.mark.slow
def test_hourly_record_beside_half_hourly_ones(towers, tmp_path):
    folder = tmp_path / "XX-Two"
    folder.mkdir()
    for name in ("forcing.nc", "observations.nc", "periods.json"):
        (folder / name).write_bytes((towers / "XX-Two" / name).read_bytes())
    for name in ("forcing.nc", "observations.nc"):
        write_netcdf(
            folder / name, read_netcdf(folder / name).isel(time=slice(None, None, 2)).drop_encoding()
        )
    command = [text.replace(str(towers / "XX-Two"), str(folder)) for text in train_command(towers, tmp_path)]
    assert main(command) == 0
    periods = read_periods(folder / "periods.json")
    site = read_site(
        "XX-Two",
        folder / "forcing.nc",
        folder / "observations.nc",
        periods["train"],
        periods["validation"],
    )
    finer = at_step(site, 1800.0)
    assert len(finer.data.time) == 2 * len(site.data.time) and finer.data.dt == 1800.0
    assert (np.diff(finer.data.time[: finer.data.segments[0].stop]) == np.timedelta64(1800, "s")).all()
    for fine, coarse in [
        (finer.data.forcing.Tair, site.data.forcing.Tair),
        (finer.data.train, site.data.train),
    ]:
        assert (fine[0::2] == coarse).all() and (fine[1::2] == coarse).all()
    end, middle = finer.states.T[0][1::2], finer.states.T[0][0::2]
    assert (end == site.states.T[0]).all()
    second = site.data.segments[1].start
    assert middle[second] == end[second]  # not between two segments
    np.testing.assert_allclose(middle[1:second], (end[: second - 1] + end[1:second]) / 2, rtol=1e-12)
    with pytest.raises(InputError, match=r"^XX-Two: intervals of 3600 s, expected a multiple of 2400 s$"):
        at_step(site, 2400.0)


def with_law(command: list[str], law) -> None:
    """Other settings of the model."""
    command[command.index("--model-settings") + 1] = json.dumps(law)
