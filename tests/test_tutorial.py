"""The tutorial: its files are those that the example writes, and they make a study."""

import subprocess
import sys

import pytest
import yaml
from test_settings import blocks, merged

from lad.settings.files import anchor
from lad.settings.study import checked
from lad.towers.metadata import find_site
from lad.towers.record import read_record


@pytest.fixture(scope="module")
def practice(root, tmp_path_factory):
    """The folder that the tutorial makes."""
    folder = tmp_path_factory.mktemp("tutorial") / "mine"
    command = [sys.executable, str(root / "examples/practice_tower.py"), str(folder)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    return folder


def test_files_of_the_tutorial_are_shown_as_they_are(root, practice):
    page = (root / "docs/tutorial.md").read_text(encoding="utf-8")
    for name, first, lines in (
        ("archives/US-Abc_tower.csv", "TIMESTAMP_START,", 3),
        ("my_sites.csv", "site_id,", None),
        ("mine.yaml", "archives: ", None),
    ):
        (shown,) = blocks(page, first)
        written = (practice / name).read_text(encoding="utf-8")
        assert shown.strip() == "\n".join(written.splitlines()[:lines])


def test_the_tower_of_the_tutorial_makes_a_study(root, practice):
    own = yaml.safe_load((practice / "mine.yaml").read_text(encoding="utf-8"))
    anchor(own, own, practice)
    settings = checked(merged(yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8")), own))
    assert settings["studies"]["mine"] == ["US-Abc"] and settings["archives"] == str(practice / "archives")
    archive = practice / "archives/US-Abc_tower.csv"
    record = read_record(find_site("US-Abc", [archive], practice / "my_sites.csv"), [archive])
    assert record.site.cover == 9 and len(record.time) == (365 + 366 + 365) * 48
