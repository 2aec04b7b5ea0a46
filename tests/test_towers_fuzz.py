"""Damaged archives: refused in one line or read right. `benchmarks/fuzz.py` tries thousands."""

from collections import Counter

import numpy as np
import pytest
from archives import alma_pair

from lad.errors import InputError
from lad.towers.archives import find_archives
from lad.towers.record import read_record
from lad.towers.sites import site


@pytest.mark.slow
def test_damaged_archives_are_refused_or_read_right(root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    fuzz = pytest.importorskip("fuzz")
    counts = Counter(fuzz.tries(190, 7, tmp_path))
    assert counts.total() == 190
    for kind in fuzz.SOUND:
        assert counts[kind, "read"] == 10
    for kind in fuzz.MUST_REFUSE:
        assert counts[kind, "refused"] == 10


def test_damaged_netcdf_is_refused_or_read(tmp_path):
    whole = alma_pair(tmp_path / "whole", days=3)[0].read_bytes()
    path = tmp_path / "US-CRT_2013-2013_FLUXNET2015_Met.nc"
    random = np.random.default_rng(0)
    for length in random.integers(0, len(whole), 20):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError) as error:
            read_record(site("US-CRT"), [path])
        assert "\n" not in str(error.value) and path.name in str(error.value)


def test_names_that_only_look_like_archives_are_passed_over(tmp_path):
    for name in ("AMF_US-CRT_FLUXNET_.zip.part", ".AMF_US-CRT_FLUXNET_1.part.zip", "AMF_US-CRT_FLUXNET.zip"):
        (tmp_path / name).touch()
    assert find_archives("US-CRT", [tmp_path]) == []
