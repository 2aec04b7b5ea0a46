"""Progress of long work."""

import re

import pytest

from lad.progress import LONG, Progress, usual_time


@pytest.mark.parametrize("terminal", [True, False])
def test_line_of_a_search_that_ends_early_is_closed(monkeypatch, capsys, terminal):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    progress = Progress("US-Abc mlp", 300)
    progress.update(25, "loss 0.3")
    progress.update(50, "loss 0.2", ends=True)
    printed = capsys.readouterr().err
    assert printed.endswith("/s  ended early  loss 0.2\n")
    assert printed.count("\n") == 1
    Progress("US-Abc mlp", 300, done=50).update(50, ends=True)  # as it was before it was taken up again
    assert "ended early" in capsys.readouterr().err
    assert ("25/300" in printed) == terminal  # elsewhere a line every ten seconds


def test_usual_time_is_a_range_in_words():
    assert usual_time({"gather": 3}, 2) == "a minute or two"
    assert usual_time({"gather": 11}, 1) == "usually 1 to 6 minutes on 1 core"
    assert usual_time({"calibrate": 1, "train": 3, "gather": 2}, 2) == "usually 2 to 10 minutes on 2 cores"
    assert usual_time({"train": 17}, 1) == "usually 10 to 80 minutes on 1 core"
    assert usual_time({"train": 700}, 1) == "usually 10 to 67 hours on 1 core"
    one_after_the_other = {"calibrate": 1, "train": 6, "simulate": 6}
    assert usual_time(one_after_the_other, 64) == "usually 2 to 10 minutes on 64 cores"


def test_steps_that_take_long_are_rules_of_the_workflow(root):
    text = "\n".join(file.read_text(encoding="utf-8") for file in root.glob("workflow/rules/*.smk"))
    assert set(LONG) <= {*re.findall(r"rule (?:\w+ as )?(\w+)", text)}
