"""The report of a study: its findings from synthetic numbers, its parts, and the page in a browser."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluation_site import SITE, TEST_START, Site, lad
from PIL import Image
from test_study import NSE, synthetic_differences, synthetic_scores

from lad.errors import InputError
from lad.evaluation import study
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS, verdict
from lad.evaluation.metrics import METRICS
from lad.evaluation.models import BASELINES, MEANINGS, meaning
from lad.evaluation.models import LAWS as MEANT_LAWS
from lad.evaluation.scores import whole
from lad.evaluation.series import Comparison, Simulated
from lad.evaluation.solvers import GAIN_COLUMNS, LANDSCAPE_POINTS, REFERENCE_SOLVER, summary
from lad.evaluation.strata import STRATA_COLUMNS
from lad.evaluation.study import RANK_COLUMNS, rank_table
from lad.io import write_csv
from lad.observations import Observed
from lad.report.conclusions import (
    conclusions,
    of_closure,
    of_training,
    of_unseen,
)
from lad.report.files import BUILT, picture, read_csv, shown
from lad.report.page import Section, render
from lad.report.plots import timeseries
from lad.report.sections import study_sections
from lad.report.solvers import of_daemons, of_landscapes
from lad.report.titles import FILE_TITLES
from lad.settings.learning import LAWS
from lad.tables import MOST_CELLS, Cell, Table
from lad.towers.coverage import KINDS

SITES = ("US-Me2", SITE)
EVIL = "</script><script>document.title = 'caught'</script>"
MODELS = {
    "mlp": {"law": "mlp", "states": True, "hidden": [8]},
    "mlp_nostate": {"law": "mlp", "states": False, "hidden": [8]},
}
VALIDATION = pd.DataFrame(
    [
        [site, model, loss, loss, loss]
        for site in SITES
        for model, loss in (("mlp", 0.4), ("mlp_nostate", 0.3))
    ],
    columns=["site", "model", "mean", "low", "high"],
)


def findings(differences: pd.DataFrame) -> dict[str, list[Cell]]:
    """Conclusions from synthetic numbers, by their sentence."""
    scores = synthetic_scores()
    states = study.states_table(scores, differences, {"mlp_nostate": "mlp"})
    return {c.text: c.items for c in conclusions(scores, differences, states, VALIDATION)[1]}


def test_verdict_depends_on_the_direction_of_the_score():
    assert [verdict(m, -2.0, -1.0) for m in ("rmse", "abs_bias", "nse", "kge")] == [
        "better",
        "better",
        "worse",
        "worse",
    ]
    assert [verdict(m, -1.0, 1.0) for m in ("rmse", "nse")] == ["open", "open"]
    assert [verdict("bias", *ends) for ends in ((1.0, 2.0), (-2.0, -1.0))] == ["open", "open"]  # its aim is 0


def test_the_model_is_chosen_by_validation_though_another_is_better_in_the_test():
    first, against_lad, against_baseline, *_ = findings(synthetic_differences())
    assert first.startswith("The validation chooses “mlp_nostate” of 2 trained models")
    assert "0.3000 (mlp 0.4000)" in first
    assert against_lad.startswith("RMSE of “mlp_nostate” less that of calibrated LaD")
    items = findings(synthetic_differences())[against_lad]
    assert [cell.text for cell in items[:2]] == [
        "US-Me2 LE: -5.00 (-12.50 … +2.50), not significant",
        "US-Me2 H: -5.00 (-12.50 … +2.50), not significant",
    ]
    # less 1lin: -15 with 7.5 on either side
    cell = findings(synthetic_differences())[against_baseline][0]
    assert (cell.text, cell.mark) == (
        "US-Me2 LE, less 1lin: -15.00 (-22.50 … -7.50), significantly better",
        "better",
    )


def test_the_answer_gives_the_errors_and_counts_the_cases():
    scores, differences = synthetic_scores(), synthetic_differences()
    scores["rmse"] += (
        0.3 * scores.groupby(["site", "target"], sort=False).ngroup()
    )  # else all cases are alike
    states = study.states_table(scores, differences, {"mlp_nostate": "mlp"})
    against_lad, against_baselines, published = conclusions(scores, differences, states, VALIDATION)[0]
    rmse = whole(scores).set_index(["site", "target", "model"]).rmse
    errors = {
        model: [f"{rmse[site, target, model]:.1f}" for site in SITES for target in ("LE", "H")]
        for model in ("mlp_nostate", "bulk", "1lin")
    }
    a, b, c, d = errors["mlp_nostate"]
    assert against_lad == (
        f"In the test periods “mlp_nostate”, the model chosen by validation, has an RMSE of {a} (US-Me2 LE), {b} "
        f"(US-Me2 H), {c} ({SITE} LE) and {d} ({SITE} H) W m⁻²; calibrated LaD has {', '.join(errors['bulk'][:3])} "
        f"and {errors['bulk'][3]}, significantly more in 0 of 4 cases. A case is a flux at a site."
    )
    a, b, c, d = errors["1lin"]
    assert against_baselines == (
        f"The best model without physics in each case has {a} (1lin), {b} (1lin), {c} (1lin) and {d} (1lin), "
        "significantly more in 4 of 4 cases."
    )
    assert published.endswith("LE -10.0 at US-Me2 (published -4.8) W m⁻².")
    bad = (
        (differences.model == "mlp_nostate") & (differences.reference == "bulk") & (differences.target == "H")
    )
    differences.loc[bad & (differences.metric == "rmse"), ["difference", "low", "high"]] = 3.0, 1.0, 5.0
    first, *_ = conclusions(scores, differences, states, VALIDATION)[0]
    assert first.endswith(
        f"significantly more in 0 of 4 cases and significantly less in 2 of 4 cases (US-Me2 H, {SITE} H). A case is "
        "a flux at a site."
    )
    # Where LaD failed, the answer is without it.
    without = (
        scores[scores.model != "bulk"],
        differences[~differences[["model", "reference"]].isin(["bulk"]).any(axis=1)],
    )
    (only,), found = conclusions(*without, states, VALIDATION)
    assert only.startswith("The best model without physics") and not any(
        c.text.endswith("LaD:") for c in found
    )


def test_models_without_physics_that_beat_lad_and_the_published_design_are_named():
    differences = synthetic_differences()
    behind = {
        text: items for text, items in findings(differences).items() if "without physics that are" in text
    }
    assert not behind and "No model without physics is significantly better than “mlp”." in findings(
        differences
    )
    bad = (differences.model == "bulk") & (differences.reference == "1lin") & (differences.metric == "rmse")
    differences.loc[bad & (differences.target == "LE"), ["difference", "low", "high"]] = 3.0, 1.0, 5.0
    items = findings(differences)[
        "Models without physics that are significantly better than “LaD calibrated”:"
    ]
    assert [cell.text for cell in items] == [f"1lin: 2 of 4 cases (US-Me2 LE, {SITE} LE)"]


def test_what_training_through_the_equations_adds_is_a_conclusion():
    losses = [[0, 0, 0.5], [0, 1, 0.3], [25, 0, 0.4], [25, 1, 0.35]]
    history = pd.DataFrame(losses, columns=["step", "member", "validation_loss"])
    found = of_training({(SITE, "mlp"): history, (SITE, "mlp_nostate"): history * 2}, "mlp")
    assert [cell.text for cell in found.items] == [f"{SITE}: 0.4000, 0.3500; 1 of 2"]
    many = of_training({(f"XX-{number:03d}", "mlp"): history for number in range(9)}, "mlp")
    assert [cell.text for cell in many.items] == ["mean over the sites: 0.4000, 0.3500; 9 of 18"]


def test_what_the_multi_site_network_finds_at_unseen_towers_is_a_conclusion():
    row = {"target": "LE", "seed": "ensemble", "period": "p"}
    errors = {("multi_site", "others"): 38.0, ("multi_site", "all"): 30.0, ("bulk", "nothing"): 58.0}
    rows = [
        row | {"site": site, "model": model, "fitted_on": fitted_on, "rmse": rmse + number}
        for (model, fitted_on), rmse in errors.items()
        for number, site in enumerate(SITES)
    ]
    ends = [(-25.0, -15.0), (-25.0, 5.0)]
    differences = pd.DataFrame(
        [
            (site, "LE", "multi_site (others)", "bulk (nothing)", "rmse", -20.0, low, high, 52)
            for site, (low, high) in zip(SITES, ends, strict=True)
        ],
        columns=DIFFERENCE_COLUMNS,
    )
    found = of_unseen(pd.DataFrame(rows), differences)
    assert found.text == (
        "At towers it has not seen, the multi-site network has a median RMSE of 38.5 (LE) W m⁻²; "
        "LaD a priori has 58.5."
    )
    assert [cell.text for cell in found.items] == [
        "LE against LaD a priori: significantly better at 1 of 2 towers, significantly worse at 0"
    ]


def test_errors_against_closed_fluxes_are_among_the_conclusions():
    models = {"mlp_nostate": 64.6, "bulk": 86.1, "1lin": 58.4, "ann": 50.0, "gbt": 99.0}
    strata = pd.DataFrame(
        [
            {"site": SITE, "target": "LE", "model": model, "correction": name, "scale": "half-hour"}
            | {"stratum": "all", "rmse": rmse - 9.0 * (name == "raw")}
            for model, rmse in models.items()
            for name in ("raw", "closed")
        ]
    )
    strata = pd.concat([strata, strata.assign(target="H", rmse=np.nan)])  # without a correction
    periods = pd.DataFrame({"period": ["train", "test"], "ratio": [0.9, 0.712]})
    (found,) = of_closure(VALIDATION, {SITE: periods}, {SITE: strata})
    assert [cell.text for cell in found.items] == [
        f"{SITE} LE (71 %): mlp_nostate 64.6, LaD calibrated 86.1, ann 50.0"
    ]
    (found,) = of_closure(VALIDATION, {SITE: periods[:1]}, {SITE: strata})
    assert found.items[0].text.startswith(f"{SITE} LE: mlp_nostate")
    assert of_closure(VALIDATION, {SITE: periods}, {SITE: strata[strata.target == "H"]}) == []
    assert of_closure(VALIDATION, {}, {SITE: strata}) == []


def test_every_model_that_can_be_scored_has_a_meaning():
    assert {*BASELINES, "bulk"} == set(MEANINGS) and set(LAWS) == set(MEANT_LAWS)
    settings = {"models": MODELS, "ensembles": {"both": ["mlp", "mlp_nostate"]}}
    assert meaning("both", settings) == "weighted mean of mlp, mlp_nostate"
    assert meaning("mlp_nostate", settings) == "LaD; a network gives LE and H; sees the weather"
    law = {"law": "residual", "states": ["soil", "snow"], "hidden": [8], "antecedents": True, "LAI": True}
    assert meaning("own", {"models": {"own": law}}).endswith(
        "sees the weather, LaD's soil and snow states, antecedent weather, leaf area"
    )
    season = {"law": "mlp", "states": True, "hidden": [8], "antecedents": ["Precip", "Tair"]}
    season |= {"root_zone": "mass_curve", "ground_water": "rise", "training": {"pretraining": 9}}
    assert meaning("season", {"models": {"season": season}}) == (
        "LaD; a network gives LE and H; sees the weather, LaD's states, antecedent Precip and Tair; pretrained; "
        "root zone of the mass curve, if larger; ground water: rise"
    )
    assert meaning("leaf", {"models": {"leaf": {"law": "leaf"}}}).startswith("LaD's equations")
    assert meaning("other", {}) == ""


def test_a_worse_model_is_said_to_be_worse():
    assert "No trained model is significantly worse than calibrated LaD in RMSE at any site." in findings(
        synthetic_differences()
    )
    differences = synthetic_differences()
    bad = (differences.model == "mlp") & (differences.reference == "bulk") & (differences.site == SITE)
    differences.loc[bad & (differences.metric == "rmse"), ["difference", "low", "high"]] = 3.0, 1.0, 5.0
    items = findings(differences)["Trained models that are significantly worse than calibrated LaD:"]
    assert [(cell.text, cell.mark) for cell in items] == [
        (f"mlp, {SITE} {target}: +3.00 (+1.00 … +5.00), significantly worse", "worse")
        for target in ("LE", "H")
    ]


def test_published_gain_stands_beside_ours():
    (items,) = (
        items for text, items in findings(synthetic_differences()).items() if "published hybrid" in text
    )
    assert [cell.text for cell in items] == [
        "US-Me2 LE: -10.00 (-17.50 … -2.50), significantly better; published -4.84"  # 35.72 - 40.56
    ]


def test_a_study_of_sites_without_published_numbers_has_no_section_of_them():
    def titles(scores: pd.DataFrame) -> list[str]:
        differences = synthetic_differences()
        states = study.states_table(scores, differences, {"mlp_nostate": "mlp"})
        return [section.title for section in study_sections(scores, differences, states, VALIDATION, [])]

    scores = synthetic_scores()
    assert titles(scores)[:2] == ["Conclusions", "Published and reproduced"]
    assert titles(scores[scores.site == SITE])[:2] == ["Conclusions", "Scores"]


def test_no_two_files_are_called_alike():
    assert len(set(FILE_TITLES.values())) == len(FILE_TITLES) and set(BUILT) < set(FILE_TITLES)


def test_cells_show_few_digits_and_know_their_number():
    assert Cell.of(0.123456) == Cell("0.1235", 0.123456)
    assert Cell.of("+2.50") == Cell("+2.50", 2.5)
    assert Cell.of(float("nan")) == Cell("") and Cell.of("nan").number is None
    assert Cell.of("mlp") == Cell("mlp", None)


def test_any_table_is_read_and_a_long_one_cut(tmp_path):
    path = tmp_path / "some_thing.csv"
    path.write_text("model,seed,rmse,note\nmlp,0,35.71234,<b>\nbulk,,40,\n")
    (table,) = shown([path])
    assert (table.title, table.headings) == ("Some thing", ["model", "seed", "RMSE (W m⁻²)", "note"])
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["mlp", "0", "35.71", "<b>"],
        ["LaD calibrated", "", "40", ""],
    ]
    long = Table.of(pd.DataFrame({"a": range(MOST_CELLS + 7)}), "long").html("")
    assert long.count("<td") == MOST_CELLS and "Without the last 7 rows" in long
    path.write_text("")
    with pytest.raises(InputError, match=r"some_thing.csv: not a CSV table"):
        read_csv(path)
    with pytest.raises(InputError, match=r"x.nc: expected a table"):
        shown([tmp_path / "x.nc"])


def test_columns_on_disk_have_readable_headings_with_units(tmp_path):
    path = tmp_path / "intervals.csv"
    path.write_text("site,model,metric,value,longest_gap_days\nUS-Wkg,bulk,abs_bias,1.5,3\n")
    (table,) = shown([path], "US-Wkg")
    (tmp_path / "empty.csv").write_text("site,model\n")
    assert not shown([tmp_path / "empty.csv"])
    assert table.title == "US-Wkg: Scores with intervals"
    assert table.headings == ["model", "metric", "value", "longest gap (days)"]  # of one site alone
    assert [cell.text for cell in table.rows[0]] == ["LaD calibrated", "size of bias (W m⁻²)", "1.5", "3"]


def strata_file(path: Path, strata: int = 30, closed: bool = False) -> None:
    """Scores by stratum of two models, and against closed fluxes."""
    rows = [
        dict.fromkeys(METRICS, 12.1) | {"target": target, "model": model, "value": str(k), "n": 9 + k}
        for target in ("LE", "H")
        for k in range(strata)
        for model in ("bulk", "mlp")
    ]
    table = pd.DataFrame(rows).assign(site=SITE, correction="raw", scale="half-hour", stratum="light")
    of_closed = table[table.value == "0"].assign(correction="closed", stratum="all", value="")
    write_csv(path, pd.concat([table, of_closed] if closed else [table])[STRATA_COLUMNS])


def test_tables_of_known_files_are_built_for_readers(tmp_path):
    strata_file(tmp_path / "strata.csv", 2)
    scores = synthetic_scores()
    write_csv(tmp_path / "ranks.csv", rank_table(whole(scores), scores[:0]))
    ranks, strata = shown([tmp_path / "strata.csv", tmp_path / "ranks.csv"])
    assert (strata.title, strata.rows, strata.folded) == ("Scores by stratum", 12, False)
    legend, table, *_ = strata.items
    assert "W m⁻²" in legend and table.title == "LE: RMSE"
    assert list(table.headings) == ["", "n", "LaD calibrated", "mlp"]
    assert [[(cell.text, cell.number) for cell in row] for row in table.rows] == [
        [("light: 0", None), ("9", 9.0), ("12.10", 12.1), ("12.10", 12.1)],
        [("light: 1", None), ("10", 10.0), ("12.10", 12.1), ("12.10", 12.1)],
    ]
    assert ranks.items[1].rows[0][0].text == "mlp"
    (tmp_path / "ranks.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=rf"ranks.csv: columns a,b, expected {','.join(RANK_COLUMNS)}"):
        shown([tmp_path / "ranks.csv"])


GAINS_AT_WKG = ["US-Wkg", "H", "explicit-1", "split-1", 29.0, 8.7, 0.9, 20.5, 0.8, 16.6, 17.0, 0.7]
GAINS_AT_WKG += [-0.1, -0.4, 0.2, -0.3, 0.3, "one-sided"]


def test_experiments_with_solvers_are_among_the_conclusions():
    found = of_daemons(pd.DataFrame([GAINS_AT_WKG], columns=GAIN_COLUMNS))
    assert [cell.text for cell in found.items] == [
        "US-Wkg H, explicit-1 and split-1: +8.70 (+0.90 … +20.50 over weeks) (+0.80 … +16.60 over seeds), "
        "least cost -0.10: one-sided, an instability and no correction"
    ]
    x = np.linspace(1.0, 3.0, LANDSCAPE_POINTS)
    curves = [
        pd.DataFrame(
            {"solver": solver, "parameter": "rs", "unit": "s m-1", "range": reach, "value": x}
            | {"loss": (x - low) ** 2, "by_autodiff": 2 * (x - low), "by_difference": 2 * (x - low)}
        )
        for solver, low in (("split-1", 2.02), (REFERENCE_SOLVER, 2.0))
        for reach in ("wide", "close")
    ]
    (split, own) = of_landscapes({"US-Wkg": summary(pd.concat(curves))}).items
    assert split.text.startswith("US-Wkg, split-1: rs +1.00 %, 0.03") and split.text.endswith(", 0 kinks")
    assert own.text == f"US-Wkg, {REFERENCE_SOLVER}: rs +0.00 %, 0.000, 0 kinks"


def test_a_large_picture_gets_smaller_and_keeps_its_size(tmp_path):
    path = tmp_path / "scatter.png"
    ramp = np.add.outer(np.arange(300), np.arange(400)) % 256
    noise = np.random.default_rng(0).integers(0, 8, (300, 400, 3))
    Image.fromarray((ramp[..., None] * [1, 0.5, 0.2] + noise).astype(np.uint8)).save(path)
    made = picture(path, "Scatter", "")
    assert (made.pixels, made.width, made.height) == (400, 400, 300)
    with Image.open(path) as image:
        image.save(path, dpi=(192, 192))  # half as large on paper
    assert picture(path, "", "")[3:6] == (200, 150, 400)
    assert len(made.source) * 3 / 4 < path.stat().st_size
    path.write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"scatter.png: not a PNG image"):
        picture(path, "", "")


def numbers(trace: dict) -> np.ndarray:
    """Values of a trace."""
    return np.frombuffer(base64.b64decode(trace["y"]["bdata"]), "<f4")


def test_plots_hold_daily_means_and_gaps():
    time = np.datetime64("2020-06-01", "s") + np.arange(4 * 48) * np.timedelta64(1800, "s")
    flux = np.repeat([10.0, 20.0, 30.0, 40.0], 48)
    usable = np.ones(len(flux), dtype=bool)
    usable[48 : 48 + 30] = False  # 18 of the 48 half-hours of the second day are left
    both = dict.fromkeys(("LE", "H"), flux)
    observed = Observed(time, both, dict.fromkeys(both, usable), dict.fromkeys(both, ~usable))
    simulated = {"mlp": Simulated(("0", "1"), dict.fromkeys(both, np.stack([flux - 2, flux + 4])))}
    plot = timeseries(Comparison("", observed, simulated), np.full(len(flux), 1 / 86400), ["mlp"])
    daily, week = plot.views
    rain, model, tower, *_ = daily.data
    assert numbers(rain) == pytest.approx([1, 1, 1, 1])  # mm a day
    assert numbers(tower) == pytest.approx([10, np.nan, 30, 40], nan_ok=True)
    assert numbers(model) == pytest.approx([11, np.nan, 31, 41], nan_ok=True)
    assert (model["x0"], model["dx"]) == ("2020-06-01 12:00:00", 86_400_000)
    assert week.name.endswith("2020-06-01") and len(numbers(week.data[1])) == len(flux)
    assert np.isnan(numbers(week.data[2])).sum() == 30


def test_background_shade_and_lines_of_a_picture_keep_their_colours(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)  # colours that a small palette cannot hold
    for rows, colour in ((80, 255), (160, 240), (220, 0)):
        pixels[rows - 60 : rows] = colour
    Image.fromarray(pixels).save(tmp_path / "figure.png", dpi=(150, 150))
    shown_picture = picture(tmp_path / "figure.png", "", "")
    content = base64.b64decode(shown_picture.source.partition(",")[2])
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "WEBP"
        assert [image.convert("RGB").getpixel((5, row))[0] for row in (50, 130, 200)] == [255, 240, 0]


def test_nothing_in_the_data_becomes_markup():
    frame = pd.DataFrame({EVIL: [EVIL]})
    page = render(EVIL, [EVIL], [Section(EVIL, [EVIL, Table.of(frame, EVIL, EVIL)])], {"a": EVIL})
    assert EVIL not in page
    assert page.count("&lt;/script&gt;&lt;script&gt;") >= 8


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> list[object]:
    """Options of `lad report` for a synthetic study of two sites, except the output."""
    folder = tmp_path_factory.mktemp("study")
    scores, differences = synthetic_scores(), synthetic_differences()
    scores.to_csv(folder / "scores.csv", index=False)
    differences.to_csv(folder / "differences.csv", index=False)
    study.states_table(scores, differences, {"mlp_nostate": "mlp"}).to_csv(folder / "states.csv", index=False)
    (folder / "CITATIONS.txt").write_text("US-Me2: Law, B., https://doi.org/10.17190/AMF/1854368\n")
    history = pd.DataFrame(
        [[0, 0, 1.0, 0.9], [9, 0, 0.5, 0.4]], columns=["step", "member", "train_loss", "validation_loss"]
    )
    history.to_csv(folder / "history.csv", index=False)
    (folder / "odd.csv").write_text(f"size,what\n9,nine\n10,{EVIL}\n-1,minus\n,empty\n")
    for name in ("scatter", "rmse"):
        Image.new("RGB", (1600, 900), "white").save(folder / f"{name}.png", dpi=(150, 150))
    strata_file(folder / "strata.csv", closed=True)
    (folder / "periods.csv").write_text("period,ratio\ntrain,0.8\ntest,0.75\n", encoding="utf-8")
    pd.DataFrame([GAINS_AT_WKG], columns=GAIN_COLUMNS).to_csv(folder / "gains.csv", index=False)
    files = {name: [] for name in ("history", "observations", "forcing", "periods", "simulation")}
    for name in SITES:
        place = folder / name
        place.mkdir()
        site = Site(place, name)
        site.simulations |= {"mlp_nostate/0": {"Qle": site.le + 1, "Qh": site.h - 1}}
        site.qc[TEST_START : TEST_START + 40] = 1
        site.write()
        files["history"] += [
            f"{name}/{model}={folder / 'history.csv'}" for model in NSE if model.startswith("mlp")
        ]
        files["observations"].append(f"{name}={place / 'observations.nc'}")
        files["forcing"].append(f"{name}={place / 'forcing.nc'}")
        files["periods"].append(f"{name}={place / 'periods.json'}")
        files["simulation"] += [f"{name}/{m}={place / m.replace('/', '_')}.nc" for m in site.simulations]
    shown = ["study=odd.csv", "study=rmse.png", f"{SITE}=scatter.png", f"{SITE}={SITE}/periods.json"]
    shown += [f"{SITE}=gains.csv", f"{SITE}=strata.csv", f"{SITE}=periods.csv"]
    return [
        *("--study", "synthetic", "--citations", folder / "CITATIONS.txt"),
        *("--settings", json.dumps({"note": "A short form.", "seeds": 3, "models": MODELS})),
        *(
            word
            for name in ("scores", "differences", "states")
            for word in (f"--{name}", folder / f"{name}.csv")
        ),
        *(word for name, paths in files.items() for word in (f"--{name}", *paths)),
        *("--daemons", f"{SITE}={folder / 'gains.csv'}"),
        *("--file", *(text.replace("=", f"={folder}/") for text in shown)),
    ]


@pytest.fixture(scope="module")
def page(options, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    lad("report", *options, "--output", path, "--conclusions", path.with_name("conclusions.md"))
    return path


def test_the_page_is_one_file_of_equal_bytes_in_a_rerun(options, page, tmp_path):
    lad("report", *options, "--output", tmp_path / "again.html")
    content = page.read_bytes()
    assert content == (tmp_path / "again.html").read_bytes()
    assert 1e6 < len(content) < 15e6
    text = content.decode()
    assert not re.search(r'<(?:img|script|link|iframe)[^>]+(?:src|href)="(?!data:)', text)
    origin = json.loads(re.search(r'id="provenance">(.*?)</script>', text)[1])
    assert origin["code"]["sha256"] in text and {"scores", "history US-Me2/mlp"} < set(origin["inputs"])
    assert str(page.parent.parent) not in text


def test_the_answer_stands_first_with_a_picture_and_what_the_models_are(page):
    text = page.read_text(encoding="utf-8")
    head, first = text[: text.index(">Overview</h2>")], text[text.index(">Overview</h2>") :]
    first = first[: first.index(">Conclusions</h2>")]
    assert head.index("<p>A short form.</p>") < head.index("<p>In the test periods")
    assert "<p>In the test periods “mlp”, the model chosen by validation, has an RMSE of" in head
    assert "After Kalauni &amp; Bennett" in head and "against models without physics" in head
    days = "trained on 2020-06-01 to 2020-06-04, tested on 2020-06-05 to 2020-06-08"
    assert f"US-Me2 (tower US-Me2, GRA), {days}; {SITE} (tower {SITE}, GRA), {days}." in head
    assert first.index("RMSE of all models") < first.index("what it is")
    assert "linear regression on shortwave radiation" in first
    assert "a network gives LE and H; sees the weather, LaD&#39;s states" in first


def test_the_conclusions_are_a_text_of_their_own_too(page):
    html = page.read_text(encoding="utf-8")
    answer, first, *items = page.with_name("conclusions.md").read_text(encoding="utf-8").split("\n\n")
    assert answer.startswith(
        "A short form.\nIn the test periods “mlp”, the model chosen by validation, has an RMSE of"
    )
    assert first.startswith("The validation chooses “mlp” of 2 trained models")
    lines = [line.removeprefix("- ") for item in items for line in item.splitlines() if line.startswith("- ")]
    assert len(lines) > 8 and all(line in html for line in lines)
    assert f"{SITE} LE (75 %): mlp 12.1, LaD calibrated 12.1" in lines


def test_section_of_a_site_says_what_its_record_is(page):
    text = page.read_text(encoding="utf-8")
    record = re.search(r'id="US-Me2-Record-\d+".*?</table>', text, re.DOTALL)[0]
    assert "not known" in record  # the synthetic files name no archive
    for kind in KINDS:
        assert f"test: {kind}" in record
    assert re.search(r">LE<", record) and re.search(r">H<", record)


def test_of_many_sites_the_page_points_to_those_of_the_sites(options, tmp_path):
    names = [f"XX-{number:03d}" for number in range(30)]
    synthetic_scores(names).to_csv(tmp_path / "scores.csv", index=False)
    validation = pd.concat([VALIDATION[VALIDATION.site == SITE].assign(site=name) for name in names])
    differences = pd.concat(
        [synthetic_differences().query("site == @SITE").assign(site=name) for name in names]
    )
    scores = synthetic_scores(names)
    states = study.states_table(scores, differences, {"mlp_nostate": "mlp"})
    sentences, found = conclusions(scores, differences, states, validation)
    rmse = whole(scores).groupby(["target", "model"]).rmse.median()
    medians = (f"{rmse[target, 'mlp_nostate']:.1f} ({target})" for target in ("LE", "H"))
    assert f"has a median RMSE of {' and '.join(medians)} W m⁻²" in sentences[0]
    sections = {s.title: s.items for s in study_sections(scores, differences, states, validation, found)}
    assert [item.title for item in sections["Scores"][1:]] == [
        "LE, medians over sites",
        "H, medians over sites",
    ]
    (against_lad,) = [
        c for c in sections["Conclusions"][0].conclusions if "less that of calibrated LaD" in c.text
    ]
    assert [cell.text for cell in against_lad.items] == [
        "significantly better: 0 of 60",
        "significantly worse: 0 of 60",
        "not significant: 60 of 60",
    ]
    validated = sections["Validation"][0]
    assert list(validated.headings) == ["site", "mlp_nostate", "mlp"] and len(validated.rows) == 31


def test_a_page_that_points_to_others_shows_no_site(options, tmp_path):
    wanted = [str(option) for option in options]
    pages = [f"{site}={tmp_path / site / 'report.html'}" for site in SITES]
    output = tmp_path / "all" / "report.html"
    lad("report", *wanted, "--page", *pages, "--output", output)
    page = output.read_text(encoding="utf-8")
    for site in SITES:
        assert f'<a href="../{site}/report.html">{site}</a>' in page and f'<section id="{site}">' not in page


def test_bad_input_is_one_line(options, tmp_path):
    output = ["--output", tmp_path / "r.html"]
    with pytest.raises(
        InputError, match=r"file 'XX-No=a.csv': expected SECTION=FILE, with a section of study, US-Me2"
    ):
        lad("report", *options, "XX-No=a.csv", *output)
    with pytest.raises(
        InputError, match=r"--forcing XX-Tst=f.nc: has no file of US-Me2, expected US-Me2=FILE"
    ):
        lad("report", *options, "--forcing", f"{SITE}=f.nc", *output)
    assert not (tmp_path / "r.html").exists()


# From here on in a browser.


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium that logs its console and its requests."""
    binary, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and chromedriver):
        pytest.skip("needs chromium and chromedriver (Debian: apt install chromium chromium-driver)")
    from selenium import webdriver

    settings = webdriver.ChromeOptions()
    settings.binary_location = binary
    for name in (
        *(
            "headless=new",
            "no-sandbox",
            "disable-gpu",
            "disable-dev-shm-usage",
            "disable-background-networking",
        ),
        *("disable-component-update", "disable-sync", "no-first-run", "window-size=1300,900"),
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        settings.add_argument(f"--{name}")
    settings.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=settings, service=webdriver.ChromeService(chromedriver))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    """The browser with the page as on a desktop with light colours."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    colours(browser, "light")
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)  # what was before does not count
    browser.get(page.as_uri())
    return browser


def colours(browser, scheme: str) -> None:
    """What the system of the reader prefers."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def ask(browser, code: str, *arguments):
    """Value of JavaScript."""
    return browser.execute_script(f"return {code}", *arguments)


def wait(browser, code: str) -> None:
    """Until JavaScript is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(lambda driver: ask(driver, code))


def test_no_error_and_no_request_to_anywhere(opened):
    ask(opened, "document.querySelectorAll('.plot').forEach((plot) => plot.scrollIntoView())")
    wait(opened, "document.querySelector('.plot .scatterlayer .point') !== null")
    assert [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert any(url.startswith("file:") for url in asked)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "chrome:"))] == []
    assert opened.title == "Study synthetic: hybrid LaD at US-Me2, XX-Tst"


def test_published_numbers_come_first(opened):
    titles = ask(opened, "[...document.querySelectorAll('main h2')].slice(0, 3).map(h => h.textContent)")
    assert titles == ["Overview", "Conclusions", "Published and reproduced"]
    cells = ask(
        opened,
        "[...document.querySelectorAll('main table')[1].tBodies[0].rows[0].cells].map(c => c.textContent)",
    )
    assert cells == ["US-Me2", "mlp", "35.72", "14.00", "0.655", "0.720", "0.738", "0.720"]


def test_tables_are_filled_described_and_sorted_as_numbers(opened):
    assert ask(
        opened, "[...document.querySelectorAll('table')].every(t => t.tBodies[0].rows.length && t.caption)"
    )
    column = (
        "[...document.querySelectorAll('#Figures-and-tables tbody td:first-child')].map(c => c.textContent)"
    )
    heading = "document.querySelector('#Figures-and-tables th')"
    assert ask(opened, column) == ["9", "10", "-1", ""]
    ask(opened, f"{heading}.firstElementChild.click()")
    assert ask(opened, column) == ["-1", "9", "10", ""]
    ask(opened, f"{heading}.firstElementChild.focus()")
    opened.switch_to.active_element.send_keys("\n")  # by the keyboard
    assert ask(opened, column) == ["10", "9", "-1", ""]
    assert ask(opened, f"{heading}.getAttribute('aria-sort')") == "descending"


def test_plots_are_drawn_and_change_to_a_week(opened):
    ask(opened, "document.querySelector('#US-Me2 .plot').scrollIntoView()")
    points = "document.querySelectorAll('#US-Me2 .scatterlayer .point').length"
    wait(opened, f"{points} > 0")
    assert ask(opened, points) == 2 * 3  # days of LE and H; the first has too few half-hours
    ask(opened, "document.querySelectorAll('#US-Me2 .views button')[1].click()")
    wait(opened, f"{points} > 100")
    assert ask(opened, points) == 2 * (4 * 48 - 40)
    assert ask(opened, "document.querySelectorAll('#US-Me2 [aria-pressed=true]').length") == 1
    assert not ask(
        opened, "[...document.querySelectorAll('.modebar-btn')].some(b => /share/i.test(b.dataset.title))"
    )


def test_a_section_lists_what_it_holds_and_opens_what_is_linked(opened):
    titles = ask(opened, f"[...document.querySelectorAll('#{SITE} .contents a')].map(a => a.textContent)")
    assert titles[1:4] == [
        "Time series of the test period",
        "Simulated against observed",
        "Scores by stratum",
    ]
    strata = f"document.querySelector('#{SITE} details:has(table)')"
    assert not ask(opened, f"{strata}.open")
    ask(opened, f"document.querySelectorAll('#{SITE} .contents a')[3].click()")
    wait(opened, f"{strata}.open")
    assert ask(opened, "document.querySelector('#Solvers h3').textContent") == f"{SITE}: Numerical daemons"
    identifiers = "[...document.querySelectorAll('[id]')].map(e => e.id)"
    assert ask(opened, f"new Set({identifiers}).size === {identifiers}.length")


def test_links_and_pictures(opened):
    assert ask(
        opened, "[...document.querySelectorAll('a[href^=\"#\"]')].every(a => document.querySelector(a.hash))"
    )
    assert ask(
        opened, "[...document.images].every(i => i.alt.length > 10 && i.complete | i.loading === 'lazy')"
    )
    assert ask(opened, "document.querySelector('.picture img').clientWidth") <= 1024  # as on paper
    ask(opened, "document.querySelector('.picture').click()")
    assert ask(opened, "document.querySelector('.picture img').clientWidth") == 1600


def test_a_phone_scrolls_tables_and_not_the_page(opened):
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True},
    )
    opened.refresh()
    ask(opened, "document.querySelector('.plot').scrollIntoView()")
    wait(opened, "document.querySelector('.plot .scatterlayer .point') !== null")
    assert ask(opened, "[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    # What a row is about stays where it is as the table scrolls.
    ask(
        opened,
        "[...document.querySelectorAll('#Gains .scroll, #Scores .scroll')].forEach(t => { t.scrollLeft = 150 })",
    )
    moved = "[...document.querySelectorAll('#Scores .scroll')].map(t => [t.scrollLeft, "
    moved += "t.querySelector('td').getBoundingClientRect().left - t.getBoundingClientRect().left])"
    assert all(scrolled > 0 and left == 0 for scrolled, left in ask(opened, moved))


def test_dark_by_the_system_and_by_the_button(opened):
    ask(opened, "document.querySelector('.plot').scrollIntoView()")
    wait(opened, "document.querySelector('.plot .scatterlayer .point') !== null")
    look = (
        "[getComputedStyle(document.body).backgroundColor, "
        "getComputedStyle(document.querySelector('.plot .point')).fill]"
    )
    light = ask(opened, look)
    ask(opened, "document.getElementById('theme').click()")
    dark = ask(opened, look)
    assert all(one != other for one, other in zip(light, dark, strict=True))
    ask(opened, "document.getElementById('theme').click()")
    assert ask(opened, look) == light
    colours(opened, "dark")
    opened.refresh()
    assert ask(opened, "getComputedStyle(document.body).backgroundColor") == dark[0]
