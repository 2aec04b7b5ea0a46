"""Archives for the tests of lad.towers: cut and altered from the one that comes with the project."""

import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

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


def fullset_rows(days: int = 30) -> pd.DataFrame:
    """`product_rows` with further columns of a FULLSET: fills, reanalysis, corrected fluxes, percentiles of NEE."""
    rows = product_rows(days)
    more = {"NIGHT": "0", "SW_IN_POT": "1", "CO2_F_MDS": "400", "CO2_F_MDS_QC": "0"}
    for name in ("TA", "SW_IN", "LW_IN", "PA", "P", "WS"):
        more |= {f"{name}_F_MDS": rows[f"{name}_F"], f"{name}_F_MDS_QC": "0", f"{name}_ERA": "-9999"}
    for name in ("LE", "H"):
        more |= {f"{name}_CORR{end}": "-9999" for end in ("", "_25", "_75", "_JOINTUNC")}
        more |= {f"{name}_RANDUNC": "-9999", f"{name}_RANDUNC_METHOD": "-9999"}
    for kind in ("NEE_VUT", "NEE_CUT", "GPP_NT_VUT", "RECO_DT_CUT"):
        more |= {
            f"{kind}_{end}": "1"
            for end in ("REF", "USTAR50", "05", "16", "25", "50", "75", "84", "95", "MEAN")
        }
        more |= {f"{kind}_{end}_QC": "1" for end in ("REF", "USTAR50", "05", "95")}
    return rows.assign(**more)


BIF = "SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE\n{0},1,GRP_HEADER,SITE_NAME,A field\n"
# Product: name of its ZIP archive, and those of its tables with {} for the kind and the step.
PUBLIC = {
    "FLUXNET": (
        "AMF_{site}_FLUXNET_2004-2025_v1.3_r1.zip",
        "AMF_{site}_FLUXNET_{kind}_{step}_2004-2025_v1.3_r1.csv",
    ),
    "FLUXNET-1F": (
        "AMF_{site}_FLUXNET_FULLSET_2002-2020_3-5.zip",
        "AMF_{site}_FLUXNET_{kind}_{step}_2002-2020_3-5.csv",
    ),
    "ICOS ETC level 2": ("ICOSETC_{site}_ARCHIVE_L2.zip", "ICOSETC_{site}_{kind}_{step}_L2.csv"),
    "FLUXNET2015": (
        "FLX_{site}_FLUXNET2015_FULLSET_2004-2014_1-4.zip",
        "FLX_{site}_FLUXNET2015_{kind}_{step}_2004-2014_1-4.csv",
    ),
    "AmeriFlux BASE": ("AMF_{site}_BASE-BADM_19-5.zip", "AMF_{site}_BASE_{step}_19-5.csv"),
}
TABLE = {"FLUXNET": "FLUXMET", "ICOS ETC level 2": "FLUXNET"}


def public_members(
    product: str, rows: str, site: str = "US-CRT", step: str = "HH"
) -> tuple[str, dict[str, str]]:
    """Name of the ZIP archive of a product, and name and text of the files in it, the table with `rows` first."""
    archive, form = PUBLIC[product]
    kind = TABLE.get(product, "FULLSET")
    texts = {form.format(site=site, kind=kind, step=step): rows}
    if product == "AmeriFlux BASE":
        texts |= {f"AMF_{site}_BIF_20230629.csv": BIF.format(site), "README_AmeriFlux_BASE.txt": "read me"}
    else:
        for coarse in ("DD", "WW", "MM", "YY"):
            texts[form.format(site=site, kind=kind, step=coarse)] = "TIMESTAMP,TA_F\n20130101,1\n"
    if product == "ICOS ETC level 2":
        for other in ("FLUXES", "METEO", "METEOSENS", "VARINFO_FLUXES"):
            texts[f"ICOSETC_{site}_{other}_L2.csv"] = "TIMESTAMP_START,TIMESTAMP_END,TA_1_1_1\n"
        for other in ("SITEINFO", "ANCILLARY", "VARINFO_FLUXNET_HH"):
            texts[f"ICOSETC_{site}_{other}_L2.csv"] = BIF.format(site)
    if product == "FLUXNET-1F":
        texts[f"AMF_{site}_FLUXNET_BIF_2002-2020_3-5.csv"] = BIF.format(site)
    if product == "FLUXNET2015":
        texts["FLX_AA-Flx_BIF_HH_20200501.csv"] = BIF.format(site)
    if product == "FLUXNET":
        texts[f"AMF_{site}_FLUXNET_BIF_2004-2025_v1.3_r1.csv"] = BIF.format(site)
        texts[form.format(site=site, kind="BIFVARINFO", step=step)] = BIF.format(site)
    if product.startswith("FLUXNET"):
        era = rows.splitlines()[0].split(",")[:2]
        line = ",".join(rows.splitlines()[1].split(",")[:2])
        following = ",".join(rows.splitlines()[2].split(",")[:2])
        name = "ERAI" if product == "FLUXNET2015" else "ERA5"
        for coarse in (step, "DD"):
            text = f"{','.join(era)},TA_ERA\n{line},1\n{following},1\n"
            texts[form.format(site=site, kind=name, step=coarse)] = text
    return archive.format(site=site), texts


def shift_labels(rows: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """The same values with time labels that many minutes later."""
    rows = rows.copy()
    for label in ("TIMESTAMP_START", "TIMESTAMP_END"):
        times = pd.to_datetime(rows[label], format="%Y%m%d%H%M") + pd.Timedelta(minutes=minutes)
        rows[label] = times.dt.strftime("%Y%m%d%H%M")
    return rows


def alma_pair(folder: Path, days: int = 40, first: str = "2013-06-01") -> tuple[Path, Path]:
    """Met and Flux file of US-CRT in the layout of PLUMBER2, measured but for the wind of the first day."""
    raw = crt_rows(first, days)
    number = raw.drop(columns=["TIMESTAMP_START", "TIMESTAMP_END"]).astype(float).replace(-9999, np.nan)
    celsius = number["TA"].to_numpy()
    saturated = 6.11 * np.exp(17.26938818 * celsius / (237.3 + celsius))
    time = pd.to_datetime(raw["TIMESTAMP_START"], format="%Y%m%d%H%M").to_numpy()
    wind_flag = np.where(np.arange(len(time)) < 48, 4, 0)
    met = {
        "Tair": (celsius + 273.15, "K", 0),
        "SWdown": (number["SW_IN"], "W/m2", 0),
        "LWdown": (number["LW_IN"], "W/m2", 0),
        "VPD": (np.maximum(saturated * (1 - number["RH"] / 100), 0), "hPa", 0),
        "Psurf": (1000 * number["PA"], "Pa", 0),
        "Precip": (number["P"] / 1800, "kg/m2/s", 0),
        "Wind": (number["WS"], "m/s", wind_flag),
        "LAI": (2.0, "1", 0),
    }
    flux = {"Qle": (number["LE"], "W/m2", 0), "Qh": (number["H"], "W/m2", 0)}
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, variables in (("Met", met), ("Flux", flux)):
        dataset = xr.Dataset(attrs={"site_code": "US-CRT", "site_name": "Curtice"})
        dataset.coords["time"] = time
        for name, (value, units, flag) in variables.items():
            for key, column in ((name, value), (f"{name}_qc", flag)):
                shaped = np.broadcast_to(np.asarray(column, dtype=np.float32), len(time))[:, None, None]
                dataset[key] = (("time", "y", "x"), shaped.copy(), {"units": units if key == name else "1"})
        place = {"latitude": 41.6285, "longitude": -83.3471, "elevation": 180.0}
        for name, value in (place | {"canopy_height": 0.4, "reference_height": 2.0}).items():
            dataset[name] = (("y", "x"), [[value]])
        dataset["IGBP_veg_short"] = ((), np.array(b"CRO" + b" " * 20))
        paths.append(folder / f"US-CRT_2013-2013_FLUXNET2015_{kind}.nc")
        units = f"seconds since {first[:4]}-01-01 00:00:00"
        dataset.to_netcdf(paths[-1], encoding={"time": {"units": units, "dtype": "float64"}})
    return tuple(paths)
