"""What a run is on disk: its files, a name, its site and half-hours."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lad.errors import InputError
from lad.io import read_netcdf
from lad.observations import interval_starts, open_series


def members(path: Path) -> dict[str, Path]:
    """Files of a run by seed: of a folder its `seed*.nc`; a file is one run without seeds.

    Raises InputError for a folder without seeds.
    """
    if not path.is_dir():
        return {"": path}
    files = {file.stem.removeprefix("seed"): file for file in sorted(path.glob("seed*.nc"))}
    if not files:
        raise InputError(f"{path}: holds no seed*.nc, expected a simulation file or a folder of seeds")
    return files


def names_of(a: Path, b: Path) -> tuple[str, str]:
    """Names of two runs: the last parts of their paths that differ; A and B if none does.

    So run1/mlp/seed0.nc and run2/mlp/seed0.nc are run1 and run2.
    """
    parts = [reversed(Path(str(path.resolve()).removesuffix(".nc")).parts) for path in (a, b)]
    return next(((one, two) for one, two in zip(*parts, strict=False) if one != two), ("A", "B"))


def stated_site(paths: Sequence[Path]) -> str:
    """The first site that one of the netCDF files states, "unknown" if none does."""
    stated = (read_netcdf(path).attrs.get("site_id") for path in paths)
    return next((site for site in stated if site), "unknown")


def common_times(paths: Sequence[Path], site: str) -> np.ndarray:
    """Interval starts (n,) datetime64 that all files have; raises InputError naming the first that shares none."""
    axes = [interval_starts(open_series(path, site, ()), path) for path in paths]
    common = axes[0]
    for path, axis in zip(paths, axes, strict=True):
        common = np.intersect1d(common, axis)
        if not common.size:
            raise InputError(f"{path}: has no half-hour in common with {paths[0]} and the runs before it")
    return common
