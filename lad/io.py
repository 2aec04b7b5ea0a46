"""Files: read, and written whole or not at all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from lad.errors import InputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on any failure.

    The temporary name keeps the suffix, because writers choose their format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes private files; results are to be shared
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_parts(folder: str | Path) -> None:
    """Remove files of `replacing` that killed processes left under `folder`; nothing may write there meanwhile."""
    for path in Path(folder).rglob(".*.part*"):
        path.unlink()


def sha256(path: str | Path) -> str:
    """Hex digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: str | Path) -> Any:
    """Content of a JSON file; raises InputError if it is absent or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None


def write_json(path: str | Path, content: Any) -> None:
    """Write indented JSON; NaN is refused, because JSON has none."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table without its index, floats to 6 significant digits."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_table(path: str | Path, columns: Sequence[str] | None, **options: Any) -> pd.DataFrame:
    """A CSV table with exactly these `columns`, or with any if None; `options` are those of pandas.

    Raises InputError if it is absent, not CSV, or has other columns.
    """
    try:
        table = pd.read_csv(path, **options)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from None
    if columns is not None and list(table.columns) != list(columns):
        raise InputError(f"{path}: columns {','.join(table.columns)}, expected {','.join(columns)}")
    return table


def read_netcdf(path: str | Path) -> xr.Dataset:
    """A netCDF file, loaded and closed; raises InputError if it is absent or not netCDF."""
    try:
        with xr.open_dataset(path, engine="netcdf4") as dataset:
            return dataset.load()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # a damaged file can make the libraries raise anything
        raise InputError(f"{path}: not a readable netCDF file ({error})") from None


def write_netcdf(path: str | Path, dataset: xr.Dataset) -> None:
    """Write netCDF-4 with every array compressed and no fill value unless one is set.

    If the library fails without a reason, raises OSError with the free disk space.
    """
    encoding = {
        name: {"zlib": variable.ndim > 0, "complevel": 4, "_FillValue": None} | variable.encoding
        for name, variable in dataset.variables.items()
    }
    with replacing(path) as temporary:
        try:
            dataset.to_netcdf(temporary, engine="netcdf4", encoding=encoding)
        except RuntimeError as error:
            free = shutil.disk_usage(temporary.parent).free / 1e6
            raise OSError(f"{path}: cannot be written ({error}; {free:.1f} MB are free there)") from None
