"""Tables and figures of a whole study, from synthetic scores."""

import itertools
from collections.abc import Sequence

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from evaluation_site import lad

from lad.errors import InputError
from lad.evaluation import study
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS, INTERVAL_COLUMNS
from lad.evaluation.models import MOST_SITES
from lad.evaluation.scores import SCORE_COLUMNS, TRANSFER_COLUMNS, whole
from lad.evaluation.study import lowest_losses, rank_table
from lad.figures.study import ablation, errors, learning_curves
from lad.tables import Table, document
from lad.tables.scores import score_tables, seeds_table
from lad.tables.study import NO_PAIR, gains_tables, published_table, ranks_tables, validation_table

NSE = {"1lin": 0.3, "bulk": 0.5, "mlp": 0.7, "mlp_nostate": 0.6}


def synthetic_scores(sites: Sequence[str] = ("US-Me2", "XX-Tst")) -> pd.DataFrame:
    """Sites that are all alike; a trained model has three seeds about its NSE, and an ensemble a little better."""
    rows = []
    for site, target, (model, nse) in itertools.product(sites, ("LE", "H"), NSE.items()):
        seeds = {"": nse}
        if model.startswith("mlp"):
            seeds = {"0": nse - 0.01, "1": nse, "2": nse + 0.01, "ensemble": nse + 0.02}
        for seed, value in seeds.items():
            numbers = {
                "n": 100,
                "n_not_known": 0,
                "rmse": 50 * (1 - value),
                "bias": -2.0 - value,
                "bias_pct": -4.0,
            }
            keys = {
                "site": site,
                "target": target,
                "model": model,
                "seed": seed,
                "period": "2020-01-01:2020-12-31",
            }
            rows.append(keys | numbers | {"nse": value, "kge": value, "r": 0.9})
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def synthetic_differences() -> pd.DataFrame:
    """Every later model less every earlier one, with an interval of 0.15 on either side (15 for RMSE)."""
    rows = []
    for site, target, metric in itertools.product(
        ("US-Me2", "XX-Tst"), ("LE", "H"), ("rmse", "nse", "kge", "abs_bias")
    ):
        for reference, model in itertools.combinations(NSE, 2):
            scale = -50 if metric == "rmse" else 1
            change = scale * (NSE[model] - NSE[reference])
            rows.append([site, target, model, reference, metric, change, change - 7.5, change + 7.5, 52])
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def markdown(*parts: str | Table) -> list[list[str]]:
    """Rows of the tables of a Markdown text, headings first."""
    lines = [line for line in document("", parts).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def texts(table: Table) -> list[list[str]]:
    """What stands in the cells."""
    return [[cell.text for cell in row] for row in table.rows]


def test_published_numbers_stand_beside_ours_where_both_are():
    assert texts(published_table(synthetic_scores())) == [
        ["US-Me2", "mlp", "35.72", "14.00", "0.655", "0.720", "0.738", "0.720"],
        ["US-Me2", "LaD calibrated", "40.56", "25.00", "0.555", "0.500", "0.758", "0.500"],
    ]
    assert published_table(synthetic_scores(["XX-Tst"])) is None


def test_every_seed_is_shown():
    rows = [row for row in texts(seeds_table(synthetic_scores())) if row[0] == "mlp"]
    assert [row[1] for row in rows] == ["0", "1", "2", "ensemble"] * 4


def test_gains_are_marked_where_the_interval_excludes_zero():
    legend, first, *others = gains_tables(synthetic_differences())
    assert "negative is better" in legend and first.title == "US-Me2, LE" and len(others) == 3
    # no column of a baseline that the study lacks
    assert list(first.headings) == ["model", "less LaD calibrated", "less 1lin"]
    rows = {row[0].text: row[1] for row in first.rows}
    assert (rows["mlp"].text, rows["mlp"].mark) == ("-10.00 (-17.50 … -2.50)", "better")  # against LaD
    assert (rows["mlp_nostate"].text, rows["mlp_nostate"].mark) == ("-5.00 (-12.50 … +2.50)", "open")


def test_both_forms_of_a_table_say_the_same():
    for table in gains_tables(synthetic_differences())[1:]:
        headings, *rows = markdown(table)
        assert headings == list(table.headings)
        assert [[cell.rstrip(" ✓✗") for cell in row] for row in rows] == texts(table)
        page = str(table.html(""))
        assert page.count("<td") == sum(map(len, rows))
        for mark, sign in (("better", "✓"), ("worse", "✗")):
            assert page.count(f'class="n {mark}"') == sum(sign in cell for row in rows for cell in row)


def test_states_are_turned_so_that_positive_is_for_them():
    table = study.states_table(synthetic_scores(), synthetic_differences(), {"mlp_nostate": "mlp"})
    row = table.set_index(["site", "target", "metric"]).loc[("XX-Tst", "LE", "nse")]
    assert [row.model, row.without] == ["mlp", "mlp_nostate"]
    assert row.by_test == pytest.approx(0.1)
    assert row.by_test_low < row.by_test < row.by_test_high
    assert row.by_seed == pytest.approx(0.1)
    # Welch: standard error 0.01 sqrt(2/3), four degrees of freedom, t = 2.776
    half = 2.776445 * 0.01 * np.sqrt(2 / 3)
    assert [row.by_seed_low, row.by_seed_high] == pytest.approx([0.1 - half, 0.1 + half], rel=1e-5)


def synthetic_transfer() -> pd.DataFrame:
    """A line of the other sites, worse than that of the site in everything but the bias."""
    scores = synthetic_scores()
    line = scores[scores.model == "1lin"].assign(nse=0.2, kge=0.2, r=0.9, bias=1.0, fitted_on="others")
    return line[TRANSFER_COLUMNS]


def test_ranks_by_hand():
    scores = whole(synthetic_scores())
    # only of US-Me2, H: a model that would be the best, but whose correlation is not defined
    lucky = {
        "site": "US-Me2",
        "target": "H",
        "model": "lucky",
        "nse": 0.9,
        "kge": 0.9,
        "bias": 0.0,
        "r": np.nan,
    }
    scores = pd.concat([scores, pd.DataFrame([lucky])], ignore_index=True)
    table = rank_table(scores, synthetic_transfer()).set_index(["site", "target", "model", "group"])["rank"]
    assert table["US-Me2", "LE", "mlp", "efficiency"] == 1
    assert table["US-Me2", "LE", "1lin (other sites)", "efficiency"] == 5
    # |bias|: others 1, 1lin 2.3, bulk 2.5, mlp_nostate 2.62, mlp 2.72; r is the same for all five, and the other
    # scores of none are defined: rank 3
    assert table["US-Me2", "LE", "1lin (other sites)", "common"] == (1 + 3 * 3) / 4
    assert table["US-Me2", "LE", "mlp", "common"] == (5 + 3 * 3) / 4
    assert table["US-Me2", "LE", "mlp", "overall"] == (1 + 3.5 + 3 + 3) / 4
    assert table["US-Me2", "H", "lucky", "common"] == (1 + 3.5 + 3.5 + 6) / 4
    assert table["US-Me2", "H", "lucky", "overall"] == (1 + 3 * 3.5) / 4
    _, *tables = ranks_tables(table.reset_index())
    titles = ["mean over 2 sites", "US-Me2", "XX-Tst"]
    assert [table.title for table in tables] == [f"{t}, {title}" for t in ("LE", "H") for title in titles]
    assert [row[0] for row in texts(tables[0])][:2] == ["mlp", "mlp_nostate"]


def test_first_model_is_on_top_at_all_sites():
    for axes in ablation(synthetic_scores()).axes:
        low, high = axes.get_ylim()
        assert low > high


def synthetic_intervals(scores: pd.DataFrame) -> pd.DataFrame:
    """RMSE of the whole models, 3 W m-2 to either side."""
    rows = whole(scores)
    ends = rows.assign(metric="rmse", value=rows.rmse, low=rows.rmse - 3.0, high=rows.rmse + 3.0, weeks=52)
    return ends[INTERVAL_COLUMNS]


def test_errors_have_intervals_and_the_published_ones_beside_them():
    scores = synthetic_scores()
    figure = errors(scores, synthetic_intervals(scores))
    panels = {axes.get_title(): axes for axes in figure.axes}
    published = {title: axes.lines[-1].get_xdata().tolist() for title, axes in panels.items()}
    assert published == {"US-Me2, LE": [35.72, 40.56], "US-Me2, H": [], "XX-Tst, LE": [], "XX-Tst, H": []}
    bar, dot, *_ = panels["XX-Tst, H"].lines  # of the first model, 1lin
    (legend,) = figure.legends
    colour = {
        text.get_text(): handle.get_color()
        for text, handle in zip(legend.texts, legend.legend_handles, strict=True)
    }
    assert dot.get_color() == colour["without physics"] != colour["LaD"]
    assert bar.get_xdata() == pytest.approx([32.0, 38.0]) and dot.get_xdata() == pytest.approx([35.0])
    many = synthetic_scores([f"XX-{number:03d}" for number in range(MOST_SITES + 1)])
    assert len(errors(many, synthetic_intervals(many)).axes) == 2


def test_many_sites_are_shown_by_their_median_and_spread():
    sites = [f"XX-{number:03d}" for number in range(MOST_SITES + 1)]
    scores = synthetic_scores(sites)
    scores.loc[(scores.site == sites[0]) & (scores.model == "bulk"), ["rmse", "nse"]] = 1.0, -99.0
    _, *tables = score_tables(scores)
    assert [table.title.split(",")[0] for table in tables] == ["LE", "H"]
    headings = ["model", "sites", "best", "RMSE", "bias", "bias %", "NSE", "KGE", "r"]
    assert list(tables[0].headings) == headings
    rows = {row[0]: row[1:] for row in texts(tables[0])}
    assert rows["LaD calibrated"][:3] == [str(MOST_SITES + 1), "1", "25.00"]
    assert rows["LaD calibrated"][5] == "0.500"
    assert rows["mlp"][:3] == [str(MOST_SITES + 1), str(MOST_SITES), "14.00"]  # the ensemble
    assert len(score_tables(synthetic_scores(sites[:MOST_SITES]))) == 1 + 2 * MOST_SITES
    figures = [
        ablation(synthetic_scores(of)) for of in (sites, [*sites, *(f"YY-{n:03d}" for n in range(163))])
    ]
    assert len({tuple(figure.get_size_inches()) for figure in figures}) == 1
    for axes in figures[0].axes:
        low, high = axes.get_ylim()
        assert low > high and axes.get_xlim()[0] > -90  # the one site of another kind is beyond the whiskers


def test_courses_of_many_sites_are_one_row():
    histories = {
        (f"XX-{number:03d}", model): pd.DataFrame(
            {
                "step": steps,
                "member": 0,
                "train_loss": 1.0,
                "validation_loss": np.linspace(2.0, 1.0, len(steps)),
            }
        )
        for number in range(MOST_SITES + 1)
        for model in ("mlp", "residual")
        for steps in [list(range(0, 10 * (number + 2), 10))]
    }
    first, second = learning_curves(histories).axes
    assert len(first.lines) == len(second.lines) == MOST_SITES + 2
    assert first.lines[-1].get_ydata()[[0, -1]] == pytest.approx([1.0, 0.5])
    table = validation_table(lowest_losses(histories))
    assert list(table.headings) == ["site", "mlp", "residual"]
    assert len(table.rows) == MOST_SITES + 2 and table.rows[-1][0].text == "mean"


def test_overview_writes_all(tmp_path):
    synthetic_scores().to_csv(tmp_path / "scores.csv", index=False)
    synthetic_differences().to_csv(tmp_path / "d.csv", index=False)
    synthetic_transfer().to_csv(tmp_path / "t.csv", index=False)
    options = ["--scores", tmp_path / "scores.csv", "--differences", tmp_path / "d.csv"]
    synthetic_intervals(synthetic_scores()).to_csv(tmp_path / "i.csv", index=False)
    options += ["--transfer", tmp_path / "t.csv", "--intervals", tmp_path / "i.csv"]
    lad("overview", *options, "--states", "mlp_nostate=mlp", "--output-directory", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        "ablation.pdf",
        "rmse.pdf",
        "published.md",
        "seeds.md",
        "gains.md",
        "states.md",
        "states.csv",
        "differences.csv",
        "ranks.md",
        "ranks.csv",
    } < names
    assert matplotlib.image.imread(tmp_path / "out" / "ablation.png").std() > 0.01
    lad("overview", *options, "--output-directory", tmp_path / "alone")
    assert (tmp_path / "alone/states.md").read_text().splitlines()[2:] == [NO_PAIR]
    (tmp_path / "d.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"d.csv: columns a,b, expected site"):
        lad("overview", *options, "--output-directory", tmp_path / "bad")


def test_curves_report_the_lowest_validation_loss(tmp_path):
    history = pd.DataFrame(
        [
            [0, 0, 1.0, 0.9],
            [0, 1, 1.0, 0.8],
            [10, 0, 0.5, 0.4],
            [10, 1, 0.5, 0.6],
            [20, 0, 0.4, 0.5],
            [20, 1, 0.4, 0.7],
        ],
        columns=["step", "member", "train_loss", "validation_loss"],
    )
    history.to_csv(tmp_path / "h.csv", index=False)
    names = [f"US-{site}/mlp={tmp_path / 'h.csv'}" for site in ("Aaa", "Bbb")]
    lad("curves", "--history", *names, "--figure", tmp_path / "l.png", "--table", tmp_path / "v.md")
    row = (tmp_path / "v.md").read_text().splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["mlp", *["0.5000 (0.4000 … 0.6000)"] * 2, "0.5000"]
    assert matplotlib.image.imread(tmp_path / "l.png").std() > 0.01
    with pytest.raises(InputError, match="expected SITE/MODEL=FILE"):
        lad("curves", "--history", "mlp=h.csv", "--figure", tmp_path / "l.png", "--table", tmp_path / "v.md")
