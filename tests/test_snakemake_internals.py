"""What the workflow uses of Snakemake beyond its documentation stands in one module, for one version."""

import re

import snakemake

from lad.snakemake_internals import CHECKED_WITH

DOCUMENTED = {"source_path"}  # of the object `workflow`


def test_snakemake_has_the_version_that_its_private_parts_were_checked_with(root):
    assert snakemake.__version__.startswith(f"{CHECKED_WITH}."), (
        f"check each function of lad/snakemake_internals.py with Snakemake {snakemake.__version__}"
    )
    assert f'min_version("{CHECKED_WITH}")' in (root / "Snakefile").read_text(encoding="utf-8")


def test_nothing_else_uses_them(root):
    for file in [root / "Snakefile", *root.glob("workflow/rules/*.smk")]:
        text = file.read_text(encoding="utf-8")
        assert {*re.findall(r"\bworkflow\.([a-z]\w+)", text)} <= DOCUMENTED, file
        assert {*re.findall(r"(?:from|import) (snakemake\b[\w.]*)", text)} <= {"snakemake.utils"}, file
    importing = [
        file.name
        for file in root.glob("lad/**/*.py")
        if re.search(r"^\s*(from|import) snakemake\b", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["snakemake_internals.py"]
