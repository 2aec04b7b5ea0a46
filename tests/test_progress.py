"""Progress of long work."""

import pytest

from lad.progress import Progress


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
