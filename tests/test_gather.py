"""The step gather: one file and one readable table from the scores of several sites."""

import pandas as pd
import pytest
from evaluation_site import lad

from lad.errors import InputError
from lad.evaluation.scores import SCORE_COLUMNS
from lad.io import read_json, sha256, write_csv, write_json
from lad.tables.scores import records_tables
from lad.towers.archives import REPACKAGED


def scores(site: str) -> pd.DataFrame:
    """LE of a site where the hybrid with states is worse than the line in SWdown."""
    rows = [
        ("mlp", "0", 40.0, -8.0, -20.0, 0.30, 0.4, 0.60),
        ("mlp", "1", 44.0, 2.0, 5.0, 0.20, 0.3, 0.55),
        ("mlp", "ensemble", 39.0, -3.0, -7.5, 0.33, 0.4, 0.62),
        ("another", "", 50.0, 1.0, 2.5, 0.10, None, None),
        ("1lin", "", 30.126, 1.0, 2.5, 0.60, 0.7, 0.80),
        ("bulk", "", 36.0, 4.0, 10.0, 0.40, 0.5, 0.70),
    ]
    period = "2019-01-01:2019-12-31 2021-01-01:2021-12-31"
    head = {
        "site": site,
        "target": "LE",
        "period": period,
        "n": 900,
        "n_not_known": 30 if site == "US-Two" else 0,
    }
    names = ["model", "seed", "rmse", "bias", "bias_pct", "nse", "kge", "r"]
    return pd.DataFrame([head | dict(zip(names, row, strict=True)) for row in rows]).reindex(
        columns=SCORE_COLUMNS
    )


@pytest.fixture
def written(tmp_path):
    files = [tmp_path / f"{site}.csv" for site in ("US-Two", "AA-One")]
    for file in files:
        write_csv(file, scores(file.stem))
    return files


def gather(files, folder):
    lad("gather", "--scores", *files, "--output", folder / "all.csv", "--table", folder / "table.md")
    return (folder / "all.csv").read_text(), (folder / "table.md").read_text()


def test_scores_are_concatenated_unchanged(written, tmp_path):
    csv, _ = gather(written, tmp_path)
    first, second = (file.read_text().splitlines() for file in written)
    assert csv.splitlines() == first + second[1:]


def test_table_shows_every_model_in_fixed_order(written, tmp_path):
    _, table = gather(written, tmp_path)
    blocks = table.split("\n## ")[1:]
    assert [block.split(",")[0] for block in blocks] == ["US-Two", "AA-One"]
    lines = blocks[0].splitlines()
    assert lines[0] == "US-Two, LE, 2019-01-01 to 2019-12-31, 2021-01-01 to 2021-12-31"
    grid = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert grid[0] == ["model", "RMSE", "bias", "bias %", "NSE", "KGE", "r", "n"]
    assert grid[2:] == [
        ["1lin", *(f"**{text}**" for text in ("30.13", "+1.00", "+2.5", "0.600", "0.700", "0.800")), "900"],
        ["LaD calibrated", "36.00", "+4.00", "+10.0", "0.400", "0.500", "0.700", "900"],
        ["another", "50.00", "**+1.00**", "**+2.5**", "0.100", "-", "-", "900"],
        ["mlp", "39.00", "-3.00", "-7.5", "0.330", "0.400", "0.620", "900"],
        [
            *("mlp, 2 seeds", "40.00 … 44.00", "-8.00 … +2.00", "-20.0 … +5.0"),
            *("0.200 … 0.300", "0.300 … 0.400", "0.550 … 0.600", ""),
        ],
    ]
    assert len({len(line) for line in lines if line.startswith("|")}) == 1
    assert lines[2] == "30 of 900 half-hours may be filled: they carry no quality flag."
    assert blocks[1].splitlines()[2].startswith("| model")  # of none there is nothing to say


def test_table_ends_with_what_the_records_are(written, tmp_path):
    _, without = gather(written, tmp_path)
    shares = {"Tair": {"measured": 0.4, "without a flag": 0.0, "filled": 99.6, "missing": 0.0}}
    for file, words in zip(written, ("version 0-0: repackaged", "version 3-5"), strict=True):
        record = {"product": words, "shares": shares}
        write_json(file.with_suffix(".json"), {"settings": {"site": file.stem}, "record": record})
    _, table = gather(written, tmp_path)
    assert table.startswith(without) and "Records" not in without
    lines = table.removeprefix(without).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert ["US-Two", "version 0-0: repackaged"] in cells and ["AA-One", "version 3-5"] in cells
    assert ["site", "Tair"] in cells and ["US-Two", "0/0/100/0"] in cells
    assert "## % of these periods measured, without a flag, filled or derived, missing" in lines


def test_of_many_sites_only_repackaged_records_are_named():
    sites = [f"AA-{number:03}" for number in range(30)]
    records = {site: {"product": "version 3-5", "shares": {}} for site in sites}
    records["AA-007"] = {"product": f"version 0-1: {REPACKAGED}", "shares": {}}
    (table,) = records_tables(records, many=True)
    assert [[cell.text for cell in row] for row in table.rows] == [["AA-007", f"version 0-1: {REPACKAGED}"]]


def test_rerun_is_identical(written, tmp_path):
    first = *gather(written, tmp_path), (tmp_path / "all.json").read_bytes()
    assert first == (*gather(written, tmp_path), (tmp_path / "all.json").read_bytes())


def test_origin_beside_the_scores(written, tmp_path):
    gather(written, tmp_path)
    origin = read_json(tmp_path / "all.json")
    assert origin["inputs"] == {
        f"scores {number}": {"name": file.name, "sha256": sha256(file)}
        for number, file in enumerate(written, start=1)
    }
    assert origin["code"]["sha256"] and str(tmp_path) not in str(origin)


def test_bad_files(written, tmp_path):
    with pytest.raises(InputError, match="score of US-Two, LE, mlp, 0 is given twice"):
        gather([written[0], written[0]], tmp_path)
    for content, words in (
        ("a,b\n1,2\n", "columns a,b, expected site,target"),
        ("", "not a CSV table"),
    ):
        written[1].write_text(content)
        with pytest.raises(InputError, match=f"AA-One.csv: {words}"):
            gather(written, tmp_path)
    assert not (tmp_path / "table.md").exists()
