"""The diagram of the model in the documentation."""

import runpy
import shutil


def test_committed_diagram_is_what_its_script_draws(root, tmp_path):
    script = shutil.copy(root / "docs/figures/model_diagram.py", tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert (tmp_path / "model.svg").read_bytes() == (root / "docs/figures/model.svg").read_bytes()
    assert "figures/model.svg" in (root / "docs/model.md").read_text(encoding="utf-8")
