"""The step `solvers`: errors and times of all solvers, and their diagram."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reference_runs import case
from test_simulate import forcing_file, json_file

from lad.cli import main
from lad.evaluation import experiments
from lad.figures.solvers import SOLVER_LOOKS
from lad.integrate import euler, fast, original


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pd.DataFrame:
    """Of a day of the temperate winter, without the slowest settings."""
    folder, patch = tmp_path_factory.mktemp("solvers"), pytest.MonkeyPatch()
    tried = [("original", original, (1, 10)), ("euler", euler, (1, 4)), ("fast", fast, (1, 4))]
    settings = [
        experiments.SolverSetting(name, f"{n} steps", make(n)) for name, make, steps in tried for n in steps
    ]
    with patch.context() as patched:
        patched.setattr(experiments, "solver_settings", lambda: settings)
        files = {
            "--site": "XX-Tst",
            "--forcing": forcing_file(folder / "forcing.nc"),
            "--parameters": json_file(folder / "parameters.json", case("year_temperate").content),
            "--days": "1",
            "--table": str(folder / "out" / "table.csv"),
            "--figure": str(folder / "out" / "figure.png"),
        }
        assert main(["solvers", *(word for option in files.items() for word in option)]) == 0
    with Image.open(files["--figure"]) as image:
        assert image.size[0] > 1000 and "forcing" in image.text["provenance"]
    return pd.read_csv(files["--table"])


@pytest.mark.slow
def test_more_work_is_less_error(table):
    for solver in ("original", "euler", "fast"):
        rows = table[table.solver == solver]
        for name in experiments.QUANTITIES:
            coarse, fine = rows[f"{name}_rms"]
            assert 0.0 < fine < 0.5 * coarse
    assert (table.ms_per_site_year[:-1] > 0.0).all()


@pytest.mark.slow
def test_second_order_beats_first(table):
    first, second = (table[table.solver == solver].T1_rms.to_numpy() for solver in ("euler", "fast"))
    assert (second < 0.5 * first).all()


@pytest.mark.slow
def test_smoothing_is_distinguished_from_the_steps(table):
    (row,) = table[table.solver == "smoothing"].to_dict("records")
    assert 0.0 < row["T1_rms"] < 0.2 and np.isnan(row["ms_per_site_year"])


def test_settings_are_the_solvers_of_the_documentation():
    names = {setting.solver for setting in experiments.solver_settings()}
    assert names == set(SOLVER_LOOKS)
