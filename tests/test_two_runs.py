"""The step compare: two runs of one tower, where the truth about them is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from evaluation_site import SITE, lad
from PIL import Image

from lad.errors import InputError
from lad.evaluation.series import Comparison, Simulated
from lad.evaluation.two_runs import RUN_COLUMNS, compare, names_of
from lad.figures.two_runs import RUN_COLOURS, two_runs
from lad.io import read_json, read_netcdf
from lad.observations import Observed

WEEK = 7 * 48
N = 12 * WEEK
HOUR = np.arange(N) % 48 / 2


class Pair:
    """Twelve weeks of a tower and two runs, `a.nc` and `b.nc`; arrays to be changed by a test, then written."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.time = np.datetime64("2020-05-04", "ns") + np.arange(N) * np.timedelta64(30, "m")
        rng = np.random.default_rng(1)
        self.le = np.clip(200 * np.sin((HOUR - 6) / 12 * np.pi), 0, None) + rng.normal(40, 5, N)
        self.h = 1.5 * self.le - 20
        self.qc = np.zeros(N, dtype=np.int8)
        self.noise = rng.normal(0, 10, N)
        self.runs = {"a": self.run(self.noise), "b": self.run(self.noise)}

    def run(self, error) -> dict[str, np.ndarray]:
        """Fluxes of a run that misses the tower by `error`."""
        return {"Qle": self.le + error, "Qh": self.h + error}

    def save(self, name: str, site: str = SITE, rows: slice = slice(None), **variables: np.ndarray) -> Path:
        """A netCDF file with `rows` of the variables."""
        path = self.folder / f"{name}.nc"
        path.parent.mkdir(exist_ok=True)
        columns = {key: ("time", values[rows]) for key, values in variables.items()}
        xr.Dataset(columns, {"time": self.time[rows]}, {"site_id": site}).to_netcdf(path)
        return path

    def observations(self) -> Path:
        """The tower's file."""
        return self.save("observations", Qle=self.le, Qh=self.h, Qle_qc=self.qc, Qh_qc=self.qc)

    def compare(self, *options: object, a: Path | None = None, b: Path | None = None) -> pd.DataFrame:
        """Run the step on `a` and `b`, else on the runs as they are; its table by target and score."""
        a, b = a or self.save("a", **self.runs["a"]), b or self.save("b", **self.runs["b"])
        out = self.folder / "out"
        lad("compare", a, b, "--observations", self.observations(), *options, "--output-directory", out)
        table = pd.read_csv(
            out / "comparison.csv", keep_default_na=False, na_values={"low_a": "", "low_b": ""}
        )
        assert list(table.columns) == RUN_COLUMNS
        return table.set_index(["target", "metric"])

    def text(self) -> str:
        """The Markdown table."""
        return (self.folder / "out" / "comparison.md").read_text()


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


def test_known_errors_give_known_scores(pair):
    pair.runs = {"a": pair.run(3.0), "b": pair.run(-5.0)}
    table = pair.compare()
    for target in ("LE", "H"):
        for metric, of_a, of_b in (("rmse", 3, 5), ("abs_bias", 3, 5), ("bias", 3, -5), ("r", 1, 1)):
            row = table.loc[(target, metric)]
            assert (row.of_a, row.of_b) == pytest.approx((of_a, of_b))
            # the error is that of every week, so that all draws agree
            assert [row.difference, row.low, row.high] == pytest.approx([of_b - of_a] * 3, abs=1e-5)
            assert (row.n, row.weeks) == (N, 12)
        variance = np.var(pair.le if target == "LE" else pair.h)
        assert table.loc[(target, "nse")].difference == pytest.approx((9 - 25) / variance, rel=1e-3)
        assert list(table.loc[target].better[["rmse", "abs_bias", "bias", "nse"]]) == ["a", "a", "", "a"]


def test_equal_runs_do_not_differ(pair, capsys):
    table = pair.compare()
    assert (table[["difference", "low", "high"]].astype(float) == 0).all().all()
    assert (table.better == "").all()
    assert "LE: no difference.\n" in pair.text() and "H: no difference.\n" in pair.text()
    assert capsys.readouterr().out == pair.text()


def test_a_gain_in_every_week_is_sure_and_said(pair):
    pair.runs["b"] = pair.run(0.5 * pair.noise)
    table = pair.compare("--names", "old", "new")
    assert (table.loc["LE"].better[["rmse", "nse", "kge", "r"]] == "new").all()
    assert "LE: new is significantly better by RMSE" in pair.text()


def test_a_gain_in_some_weeks_and_a_loss_in_others_is_not_sure(pair):
    factor = np.repeat(np.resize([1.0, 0.5], 12), WEEK)
    pair.runs = {"a": pair.run(factor * pair.noise), "b": pair.run((1.5 - factor) * pair.noise)}
    row = pair.compare().loc[("LE", "rmse")]
    assert row.low < 0 < row.high and row.better == ""
    assert "LE: neither is significantly better.\n" in pair.text()


def test_runs_with_other_labels_of_the_same_intervals_are_equal(pair):
    path = pair.save("b", **pair.runs["a"])
    dataset = read_netcdf(path)
    dataset = dataset.assign_coords(time=dataset["time"] + np.timedelta64(30, "m"))
    dataset["time"].attrs["long_name"] = "end of the interval"
    dataset.to_netcdf(path)
    table = pair.compare(b=path)
    assert (table[["difference", "low", "high"]].astype(float) == 0).all().all() and (table.n == N).all()


def test_swapped_runs_give_the_opposite(pair):
    pair.runs["b"] = pair.run(0.7 * pair.noise + 2.0)
    one = pair.compare()
    two = pair.compare(a=pair.folder / "b.nc", b=pair.folder / "a.nc")
    assert list(two.difference) == pytest.approx(list(-one.difference), abs=1e-9)
    assert list(two.low) == pytest.approx(list(-one.high), abs=1e-9)
    assert list(two.of_a) == list(one.of_b)
    assert list(two.better) == list(one.better)


def test_a_folder_of_seeds_is_scored_by_its_mean_flux(pair):
    for seed, error in enumerate((8.0, -4.0)):
        pair.save(f"mlp/seed{seed}", **pair.run(error))
    row = pair.compare(b=pair.folder / "mlp").loc[("LE", "rmse")]
    assert (row.b, row.of_b, row.low_b, row.high_b) == ("mlp", pytest.approx(2.0), 4.0, 8.0)
    assert np.isnan(row.low_a)
    assert "2.00 (4.00 … 8.00)" in pair.text()


def test_only_measured_half_hours_of_the_period_count(pair):
    pair.qc[::2] = 1
    pair.runs["b"]["Qle"][::2] = 1e6
    pair.runs["b"]["Qle"][10 * WEEK + 1 :: 2] = 1e6  # after the period
    table = pair.compare("--test", "2020-05-04:2020-07-12")
    assert table.loc[("LE", "rmse")].difference == 0
    assert set(table.n) == {10 * WEEK // 2} and set(table.weeks) == {10}


def test_without_a_period_the_common_half_hours_count(pair):
    a = pair.save("a", rows=slice(WEEK, None), **pair.runs["a"])
    b = pair.save("b", rows=slice(0, 10 * WEEK), **pair.runs["b"])
    table = pair.compare(a=a, b=b)
    assert set(table.n) == {9 * WEEK} and set(table.period) == {"2020-05-11:2020-07-12"}
    assert "Usable half-hours of 2020-05-11 to 2020-07-12: all half-hours that both runs have" in pair.text()


def test_constant_run_has_scores_but_those_that_are_undefined(pair):
    pair.runs["b"] = pair.run(0.0) | {"Qle": np.full(N, pair.le.mean())}
    table = pair.compare()
    assert table.loc[("LE", "kge")].difference == "" and table.loc[("LE", "kge")].better == ""
    assert float(table.loc[("LE", "nse")].of_b) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("site", r"b.nc: is of site YY-Oth, expected XX-Tst"),
        ("overlap", r"b.nc: has no half-hour in common with .*observations.nc and the runs before it"),
        ("unmeasured", r"observations.nc: no usable half-hour of Qle in 2020-05-04:2020-07-26"),
        ("constant", r"LE, a, 2020-05-04:2020-07-26: all 4032 observed values are 7, NSE is undefined"),
        ("nan", r"b.nc: Qh is not finite in 1 of 4032 half-hours, the first is 2020-05-04T01:30:00"),
        ("units", r"b.nc: Qle is in 'MJ m-2 d-1', expected 'W m-2'"),
        ("folder", r"empty: holds no seed\*.nc, expected a simulation file or a folder of seeds"),
        ("weeks", r"XX-Tst, LE: 7 weeks with usable half-hours in .*, expected at least 8"),
        ("names", r"--names x x: expected two different names"),
        ("same", r"a.nc: compared with itself, expected two runs"),
        ("period", r"b.nc: lacks 4032 of the 4032 half-hours asked for"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(pair, name, message):
    b, options = None, ()
    if name == "site":
        b = pair.save("b", site="YY-Oth", **pair.runs["b"])
    if name in ("overlap", "period"):
        early = pair.time
        pair.time = early - np.timedelta64(1000, "D")
        b = pair.save("b", **pair.runs["b"])
        pair.time = early
        options = ("--test", "2020-05-04:2020-07-26") if name == "period" else ()
    if name == "unmeasured":
        pair.qc[:] = 2
    if name == "constant":
        pair.le[:] = 7.0
    if name == "nan":
        pair.runs["b"]["Qh"][3] = np.nan
    if name == "units":
        b = pair.save("b", **pair.runs["b"])
        dataset = read_netcdf(b)
        dataset.Qle.attrs["units"] = "MJ m-2 d-1"
        dataset.to_netcdf(b)
    if name == "folder":
        b = pair.folder / "empty"
        b.mkdir()
    if name == "weeks":
        options = ("--test", "2020-05-04:2020-06-21")
    if name == "same":
        b = pair.folder / "empty" / ".." / "a.nc"
        (pair.folder / "empty").mkdir()
    if name == "names":
        options = ("--names", "x", "x")
    with pytest.raises(InputError, match=message) as caught:
        pair.compare(*options, b=b)
    assert "\n" not in str(caught.value)
    assert not (pair.folder / "out").exists()


def test_names_are_what_differs_in_the_paths():
    assert names_of(Path("r/bulk.nc"), Path("r/mlp")) == ("bulk", "mlp")
    assert names_of(Path("one/r/mlp/seed0.nc"), Path("two/r/mlp/seed0.nc")) == ("one", "two")
    assert names_of(Path("r/mlp"), Path("r/mlp")) == ("A", "B")


def test_a_rerun_writes_the_same_bytes_and_where_they_come_from(pair):
    pair.runs["b"] = pair.run(0.5 * pair.noise)
    names = ("comparison.csv", "comparison.md", "comparison.png", "comparison.json")
    contents = []
    for _ in range(2):
        pair.compare()
        contents.append([(pair.folder / "out" / name).read_bytes() for name in names])
    assert contents[0] == contents[1]
    origin = read_json(pair.folder / "out" / "comparison.json")
    assert set(origin["inputs"]) == {"observations", "simulation a", "simulation b"}
    assert origin["settings"] == {"site": SITE, "names": ["a", "b"], "test": ["2020-05-04:2020-07-26"]}
    with Image.open(pair.folder / "out" / "comparison.png") as image:
        assert image.text["provenance"]


def test_the_figure_shows_when_and_at_which_hours_the_runs_err(pair):
    error = np.where(pair.time < np.datetime64("2020-06-01"), 3.0, np.where(HOUR == 12, 8.0, 4.0))
    time = pair.time.astype("datetime64[s]")
    flux, everything = {"LE": pair.le, "H": pair.h}, np.ones(N, dtype=bool)
    observed = Observed(time, flux, dict.fromkeys(flux, everything), dict.fromkeys(flux, ~everything))
    runs = {
        "one": Simulated(("",), {target: (flux[target] + error)[None] for target in flux}),
        "two": Simulated(("0", "1"), {target: flux[target] + np.array([[1.0], [3.0]]) for target in flux}),
    }
    table = compare(SITE, "synthetic", observed, runs)
    panels = two_runs(Comparison("title", observed, runs), table).axes
    one, two = panels[0].lines
    whole_months = [3.0] + 2 * [np.sqrt((47 * 4.0**2 + 8.0**2) / 48)]
    assert one.get_ydata() == pytest.approx(whole_months)
    assert two.get_ydata() == pytest.approx(3 * [2.0])  # of the mean flux; its seeds miss by 1 and 3
    (band,) = panels[0].collections
    assert {1.0, 3.0} == set(np.round(band.get_paths()[0].vertices[:, 1], 9))
    winter, summer = panels[4], panels[6]
    assert winter.get_title() == "Dec to Feb" and not winter.lines[0].get_ydata().size
    noon = summer.lines[0].get_xdata() == 12.25
    assert summer.lines[0].get_ydata()[noon] == pytest.approx(8.0)
    assert summer.lines[0].get_ydata()[~noon] == pytest.approx(4.0)
    rmse = table[(table.target == "LE") & (table.metric == "rmse")].iloc[0]
    bar, point = panels[1].lines[:2]
    assert list(bar.get_xdata()) == [rmse.low, rmse.high] and point.get_xdata() == [rmse.difference]
    assert rmse.better == "two" and bar.get_color() == RUN_COLOURS[1]
    assert panels[1].get_yticklabels()[0].get_text() == "RMSE LE"
    assert panels[1].get_xlabel().endswith("below zero: two is better")
