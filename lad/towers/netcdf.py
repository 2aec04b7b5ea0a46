"""Records of a tower as CF-1.8 netCDF, and back."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lad.cf import time_frame
from lad.errors import InputError
from lad.io import read_netcdf
from lad.provenance import provenance
from lad.towers.flags import FLAGS
from lad.towers.record import Record
from lad.towers.sites import Site
from lad.towers.variables import FORCING, VARIABLES, Variable, variable

POSITION = {
    "latitude": {"units": "degrees_north", "standard_name": "latitude"},
    "longitude": {"units": "degrees_east", "standard_name": "longitude"},
    "elevation": {"units": "m", "standard_name": "surface_altitude"},
}
HEIGHT = {"units": "m", "long_name": "height of the sensors above the zero plane"}


def tower_dataset(record: Record) -> xr.Dataset:
    """The filled record in the layout of tower.nc: values NaN and flag 9 where missing."""
    return cf_dataset(
        record,
        {name: variable(name) for name in record.values},
        record.values,
        record.flags,
        title=f"Flux tower {record.site.site_id}: meteorology and turbulent fluxes without gaps",
    )


def read_tower(path: str | Path, site_id: str) -> Record:
    """Record of a tower.nc; raises InputError if it is not one, or of another site."""
    dataset = read_netcdf(path)
    absent = [name for name in (*FORCING, "segment", "time_bnds") if name not in dataset]
    if absent or "provenance" not in dataset.attrs:
        what = f"no variable {absent[0]}" if absent else "no attribute provenance"
        raise InputError(f"{path}: {what}, expected a file written by lad gapfill")
    if dataset.attrs.get("site_id") != site_id:
        raise InputError(f"{path}: is of site {dataset.attrs.get('site_id')}, expected {site_id}")
    names = [
        str(name)
        for name in dataset.data_vars
        if str(name).split("_")[0] in VARIABLES and f"{name}_qc" in dataset
    ]
    index = pd.DatetimeIndex(dataset["time"].values).as_unit("s")
    start, end = dataset["time_bnds"].values[0]
    return Record(
        Site(**json.loads(dataset.attrs["provenance"])["settings"]["site"]),
        dict(source.split(" sha256:") for source in dataset.attrs["source"].split("; ")),
        int((end - start) / np.timedelta64(1, "s")),
        pd.DataFrame({name: dataset[name].values for name in names}, index=index),
        pd.DataFrame({name: dataset[f"{name}_qc"].values for name in names}, index=index),
        dataset["segment"].values,
        {},
        remarks=tuple(filter(None, dataset.attrs.get("remarks", "").split("\n"))),
        product=dataset.attrs.get("product", "not known"),
        origins={name: dataset[name].attrs["source"] for name in names if "source" in dataset[name].attrs},
    )


def cf_dataset(
    record: Record,
    descriptions: Mapping[str, Variable],
    values: Mapping[str, np.ndarray],
    flags: Mapping[str, np.ndarray],
    title: str,
) -> xr.Dataset:
    """CF-1.8 dataset on the time axis of a record: interval means (n,), units as described, and flags."""
    site = record.site
    archives = {name: {"name": name, "sha256": digest} for name, digest in record.sources.items()}
    origin = provenance({}, site=dataclasses.asdict(site)) | {"inputs": archives}
    dataset = time_frame(
        record.time,
        record.step,
        record.segment,
        {
            "title": title,
            "site_id": site.site_id,
            "igbp": site.igbp,
            "lad_cover": site.cover,
            "lad_soil": site.soil,
            "utc_offset_hours": site.utc_offset_hours,
            "comment": "time is the start of the interval in local standard time",
            "product": record.product,
            "source": "; ".join(f"{name} sha256:{digest}" for name, digest in record.sources.items()),
            "references": site.citation,
            "remarks": "\n".join(record.remarks),
            "history": "made by lad from the archives named in source",
            "provenance": json.dumps(origin, sort_keys=True),
        },
    )
    dataset["reference_height"] = ((), site.reference_height, HEIGHT)
    for name, attributes in POSITION.items():
        dataset.coords[name] = ((), getattr(site, name), attributes)
    for name, described in descriptions.items():
        value = np.asarray(values[name], dtype=float)
        texts = {
            "standard_name": described.standard_name,
            "long_name": described.long_name,
            "source": record.origins.get(name, ""),
        }
        attributes = {
            "units": described.units,
            "cell_methods": "time: mean",
            "ancillary_variables": f"{name}_qc",
        }
        attributes |= {key: text for key, text in texts.items() if text}
        gaps = {"_FillValue": np.nan} if np.isnan(value).any() else {}
        dataset[name] = ("time", value, attributes, gaps)
        dataset[f"{name}_qc"] = ("time", np.asarray(flags[name], dtype=np.int8), _flag_attributes(name))
    return dataset


def _flag_attributes(name: str) -> dict:
    return {
        "standard_name": "quality_flag",
        "long_name": f"origin of {name}",
        "flag_values": np.array(sorted(FLAGS), dtype=np.int8),
        "flag_meanings": " ".join(FLAGS[code] for code in sorted(FLAGS)),
    }
