"""The functions of `import lad`: the page of the docs and the example run, and nothing is imported before its use."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import xarray as xr
from learning_towers import write_towers

import lad
from lad.errors import InputError
from lad.fluxes import BulkFluxes
from lad.integrate.named import named
from lad.model import latent_heat
from lad.settings import ModelSettings
from lad.simulation import run_record

PERIODS = {
    "2011-01-01:2011-12-31": "2013-06-01:2013-06-20",
    "2011-08-16:2011-09-05": "2013-06-08:2013-06-10",
    "2012-01-01:2012-12-31": "2013-06-22:2013-06-28",
}


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    """Folder with forcing.nc and observations.nc of a synthetic site."""
    return write_towers(tmp_path_factory.mktemp("towers")) / "XX-One"


def test_importing_lad_imports_neither_jax_nor_pandas_and_knows_its_names():
    code = "import lad, sys; print(sorted({'jax', 'pandas', 'snakemake'} & set(sys.modules)), len(dir(lad)))"
    assert subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.startswith("[] ")
    assert all(callable(getattr(lad, name)) for name in lad.PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        lad.magic  # noqa: B018


def test_simulate_is_the_free_run_as_a_dataset(tower):
    record = lad.read_record(tower / "forcing.nc")
    model = lad.Model(lad.table_parameters(6, 2, record.reference_height), BulkFluxes())
    dataset = lad.simulate(model, record, "euler-1", 1)
    expected = run_record(named("euler-1"), model, record, 1)
    assert (dataset.Qle.values == latent_heat(expected.rates)).all()


def test_wrong_use_from_python_is_one_line(tower):
    record, law = lad.read_record(tower / "forcing.nc"), ModelSettings(law="bulk")
    test, lower = (
        lad.parse_periods("2013-06-22:2013-06-28"),
        lad.Model(lad.table_parameters(6, 2, 3.0), BulkFluxes()),
    )
    for call, message in [
        (lambda: lad.simulate(lower, record), "model: z_ref_m = 3 m"),
        (lambda: lad.train([], law), "no site to train at"),
        (lambda: lad.train([], law, solver="slow"), "slow"),
        (lambda: lad.evaluate({}, tower / "observations.nc", test), "no runs, expected"),
        (
            lambda: lad.evaluate({"LaD": xr.Dataset()}, tower / "observations.nc", test),
            "LaD: no variable Qle",
        ),
    ]:
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.slow
def test_the_page_of_the_docs_runs(root, tower, tmp_path, monkeypatch):
    (code,) = re.findall(
        r"```python\n(.*?)```", (root / "docs/python.md").read_text(encoding="utf-8"), re.DOTALL
    )
    for days, own in PERIODS.items():
        assert days in code
        code = code.replace(days, own)
    code = code.replace("results/US-CRT/forcing", str(tower)).replace("US-CRT", "XX-One")
    code = code.replace("starts=8, steps=100", "starts=1, steps=1").replace("steps=300", "steps=1")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    scores = lad.evaluate(names["runs"], tower / "observations.nc", names["test"])
    assert set(scores.model) == {"LaD", "LaD calibrated", "residual"}
    assert set(scores.seed) == {"", "0", "1", "ensemble"} and scores.rmse.between(1.0, 500.0).all()
    assert names["model"].parameters.Wmax == pytest.approx(float(names["trained"].model(0).parameters.Wmax))


@pytest.mark.slow
def test_example_of_own_flux_laws_runs(root, tower, tmp_path):
    script = root / "examples/own_flux_law.py"
    site = tmp_path / tower.name  # as the workflow leaves it
    for folder, names in {"forcing": ("forcing.nc", "observations.nc"), "periods": ("periods.json",)}.items():
        (site / folder).mkdir(parents=True)
        for name in names:
            shutil.copyfile(tower / name, site / folder / name)
    result = subprocess.run(
        [sys.executable, str(script), str(site), "2"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert {"LaD", "conductances", "evaporation"} <= set(result.stdout.split())
    assert (tmp_path / "own_flux_law.png").stat().st_size > 5000
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line.strip()]
    body = "\n".join(lines).split('"""', 2)[2]
    code = [line for line in re.sub(r'""".*?"""', "", body, flags=re.DOTALL).splitlines() if line.strip()]
    assert len(code) <= 40, len(code)
