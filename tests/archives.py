"""Archives for the tests of lad.towers: cut and altered from the one that comes with the project."""

import zipfile
from functools import cache
from pathlib import Path

import pandas as pd

DATA = Path(__file__).parent.parent / "data"
CRT = DATA / "AMF_US-CRT_BASE-BADM_3-5.zip"


@cache
def _crt_text() -> pd.DataFrame:
    with zipfile.ZipFile(CRT) as archive, archive.open(archive.namelist()[0]) as file:
        return pd.read_csv(file, comment="#", dtype=str)


def crt_rows(first: str = "2013-06-01", days: int = 30) -> pd.DataFrame:
    """Rows of the US-CRT table as text, so that what is not altered stays as the network wrote it."""
    rows = _crt_text()
    start = int((pd.Timestamp(first) - pd.Timestamp("2011-01-01")).days) * 48
    return rows.iloc[start : start + 48 * days].reset_index(drop=True)


def write_base(
    folder: Path, rows: pd.DataFrame, site: str = "US-CRT", version: str = "9-9", step: str = "HH"
) -> Path:
    """ZIP archive in the layout of AmeriFlux BASE."""
    text = f"# Site: {site}\n# Version: {version}\n" + rows.to_csv(index=False)
    return write_zip(
        folder / f"AMF_{site}_BASE-BADM_{version}.zip", {f"AMF_{site}_BASE_{step}_{version}.csv": text}
    )


def write_product(folder: Path, rows: pd.DataFrame, site: str = "US-CRT", step: str = "HH") -> Path:
    """ZIP archive in the layout of the FLUXNET products, with a second table that is not to be read."""
    stem = f"AMF_{site}_FLUXNET_FULLSET"
    daily = f"{stem}_DD_2013-2013_1-1.csv"
    return write_zip(
        folder / f"{stem}_2013-2013_1-1.zip",
        {daily: "TIMESTAMP,TA_F\n20130101,1\n", f"{stem}_{step}_2013-2013_1-1.csv": rows.to_csv(index=False)},
    )


def write_zip(path: Path, members: dict[str, str]) -> Path:
    """ZIP archive with the given texts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def product_rows(days: int = 30) -> pd.DataFrame:
    """The US-CRT rows of June 2013 under the names of a FLUXNET product, all flags 0 and no gap-filling."""
    raw = crt_rows(days=days)
    rows = raw[["TIMESTAMP_START", "TIMESTAMP_END"]].copy()
    for name in ("TA", "SW_IN", "LW_IN", "PA", "P", "WS"):
        rows[f"{name}_F"], rows[f"{name}_F_QC"] = raw[name], "0"
    for name in ("LE", "H"):
        rows[f"{name}_F_MDS"], rows[f"{name}_F_MDS_QC"] = raw[name], "0"
    rows["RH"] = raw["RH"]
    return rows


def shift_labels(rows: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """The same values with time labels that many minutes later."""
    rows = rows.copy()
    for label in ("TIMESTAMP_START", "TIMESTAMP_END"):
        times = pd.to_datetime(rows[label], format="%Y%m%d%H%M") + pd.Timedelta(minutes=minutes)
        rows[label] = times.dt.strftime("%Y%m%d%H%M")
    return rows
