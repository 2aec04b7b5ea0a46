"""Whole years left out."""

import json

import numpy as np
import pandas as pd
import pytest
from learning_tower import LAW, SETTINGS, TRAIN, VALIDATION, rewrite, write_tower

from lad.cli import main
from lad.io import read_json


@pytest.fixture
def tower(tmp_path):
    return write_tower(tmp_path)


@pytest.mark.slow
def test_years_left_out_are_scored_with_models_ensembles_and_baselines(tower):
    """Calibration and trainings on some days, scores on others, by one command for a fold; then the table."""
    rewrite(tower / "forcing.nc", lambda dataset: dataset.attrs.update(lad_cover=6, lad_soil=2))
    descents = SETTINGS | {"steps": 1, "refresh": 1, "pretraining": 20}
    models = {name: {"model": LAW | {"law": name}, "training": descents} for name in ("mlp", "residual")}
    command = ["years", "--site", "XX-Tst", "--forcing", str(tower / "forcing.nc")]
    command += [
        "--observations",
        str(tower / "observations.nc"),
        "--train",
        TRAIN,
        "--validation",
        VALIDATION,
    ]
    command += [
        "--test",
        "2013-06-22:2013-06-28",
        "--calibration",
        json.dumps(SETTINGS | {"steps": 1, "starts": 1}),
    ]
    trainings = {"models": models, "ensembles": {"both": ["mlp", "residual"]}}
    command += ["--models", json.dumps(trainings)]
    assert (
        main([*command, "--baselines", "1lin", "ann", "--seeds", "2", "--output", str(tower / "scores.csv")])
        == 0
    )
    scores = pd.read_csv(tower / "scores.csv", dtype={"seed": str}, keep_default_na=False)
    assert {*scores.model} == {"bulk", "mlp", "residual", "both", "1lin", "ann"}
    assert {*scores.seed[scores.model == "mlp"]} == {"0", "1", "ensemble"} and np.isfinite(scores.rmse).all()
    assert read_json(tower / "scores.json")["settings"]["seeds"] == 2
    other = scores.assign(rmse=scores.rmse + 1.0, bias_pct=-scores.bias_pct)
    other.to_csv(tower / "other.csv", index=False)
    table = ["years-table", "--site", "XX-Tst", "--output", str(tower / "table.md"), "--scores"]
    assert main([*table, f"2001-2002={tower / 'scores.csv'}", f"2003-2004={tower / 'other.csv'}"]) == 0
    lines = (tower / "table.md").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| model"))
    heading, first = ([cell.strip() for cell in lines[row].split("|")[1:-1]] for row in (start, start + 2))
    assert heading[:4] == ["model", "RMSE 2001-2002", "RMSE 2003-2004", "mean RMSE"]
    whole = scores[scores.seed.isin(["", "ensemble"])]
    best = whole.groupby("model").nse.mean().idxmax()
    row = whole[(whole.model == best) & (whole.target == "LE")].iloc[0]
    expected = [
        f"{row.rmse:.2f}",
        f"{row.rmse + 1:.2f}",
        f"{row.rmse + 0.5:.2f}",
        f"{abs(row.bias_pct):.2f}",
    ]
    networks = whole[whole.seed == "ensemble"].groupby("model").nse.mean().drop("ann")
    assert f"Chosen of the trained models: {networks.idxmax()}." in lines
    assert first[:5] == [{"bulk": "LaD calibrated"}.get(best, best), *expected]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"--models": "{"}, "--models: not valid JSON"),
        ({"--models": '{"models": {"x": {"training": {}}}}'}, "--models: models.x: expected a key model"),
        (
            {"--models": '{"models": {}, "ensembles": {"y": ["x"]}}'},
            "--models: ensembles.y: x: expected some of",
        ),
        ({"--test": "2013-06-15:2013-06-25"}, "overlap"),
        ({"--seeds": "0"}, "--seeds 0: expected at least 1"),
    ],
)
def test_bad_fold_is_one_line(tower, capsys, change, message):
    options = {
        "--site": "XX-Tst",
        "--forcing": tower / "forcing.nc",
        "--observations": tower / "observations.nc",
    }
    options |= {
        "--train": TRAIN,
        "--validation": VALIDATION,
        "--test": "2013-06-22:2013-06-28",
        "--seeds": "1",
    }
    options |= {
        "--calibration": "{}",
        "--models": '{"models": {}}',
        "--output": tower / "scores.csv",
    } | change
    assert main(["years", *(str(word) for option in options.items() for word in option)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
