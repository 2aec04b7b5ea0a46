"""What the fills are worth: the numbers of docs/towers.md.

    python benchmarks/filling.py --archives ../shared/fluxnet

For each archive of the folder: time of marginal distribution sampling, error of sampled deficits in artificial gaps,
error of the longwave formulas against what was measured.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from lad.towers.archives import SITE_ID, is_archive
from lad.towers.fill import _clearness, fill
from lad.towers.mds import sample
from lad.towers.metadata import find_site
from lad.towers.meteorology import longwave, longwave_by_humidity, potential, saturation
from lad.towers.record import Record, read_record

GAPS, LENGTHS = 12, (48, 240, 480)  # artificial gaps, intervals


def error(estimate: np.ndarray, truth: np.ndarray) -> str:
    """Bias, root mean square and correlation."""
    both = ~np.isnan(estimate + truth)
    difference = (estimate - truth)[both]
    r = np.corrcoef(estimate[both], truth[both])[0, 1]
    return f"bias {difference.mean():8.2f}  rmse {np.sqrt((difference**2).mean()):8.2f}  r {r:5.2f}"


def sampling(record: Record) -> None:
    """Seconds for LE of the first year as it is, and with the whole year missing but its neighbours."""
    daily = 86400 // record.step
    year = slice(0, 365 * daily)
    series = {name: record.values[name].to_numpy() for name in ("Qle", "SWdown", "Tair", "VPD")}
    three = {name: np.tile(values[year], 3) for name, values in series.items()}
    three["Qle"][len(three["Qle"]) // 3 : 2 * len(three["Qle"]) // 3] = np.nan
    for what, case, rows in (
        ("a year as it is", {name: values[year] for name, values in series.items()}, None),
        ("a year missing", three, np.arange(365 * daily, 2 * 365 * daily)),
    ):
        begin = time.perf_counter()
        found = sample(*case.values(), daily, rows)
        print(f"  MDS of LE, {what:15}: {len(found.value):6} gaps in {time.perf_counter() - begin:.2f} s")


def deficits(record: Record) -> None:
    """Sampled VPD in artificial gaps, itself and relative to saturation, Pa."""
    rows = np.flatnonzero(record.segment == record.segment[-1])
    truth, swdown, tair = (record.values[name].to_numpy()[rows] for name in ("VPD", "SWdown", "Tair"))
    random, gap = np.random.default_rng(0), np.zeros(len(rows), dtype=bool)
    for start in random.integers(0, len(rows) - max(LENGTHS), GAPS):
        gap[start : start + random.choice(LENGTHS)] = True
    given, saturated = np.where(gap, np.nan, truth), saturation(tair)
    for what, scale in (("itself", np.ones(len(rows))), ("relative", saturated)):
        found = sample(given / scale, swdown, tair, given, 86400 // record.step, np.flatnonzero(gap))
        print(f"  VPD in gaps, {what:9}: {error(found.value * scale[gap], truth[gap])}")


def sky(record: Record) -> None:
    """Formulas against measured longwave radiation, W m-2."""
    filled = fill(record)
    tair, vpd = (filled.values[name].to_numpy() for name in ("Tair", "VPD"))
    top = potential(record.time, record.step, record.site)
    swdown = np.maximum(record.values["SWdown"].to_numpy(), 0.0)
    day = record.values.index.floor("D")
    daily = (record.values["SWdown"].clip(0) * (top > 0)).groupby(day).transform("sum").to_numpy()
    tops = record.values["SWdown"].mul(0.0).add(top).groupby(day).transform("sum").to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(top > 0.0, swdown / top, daily / tops)
    for what, estimate in (
        ("clearness of 24 h", longwave(tair, vpd, _clearness(record))),
        ("of each interval", longwave(tair, vpd, each)),
        ("humidity alone", longwave_by_humidity(tair, vpd)),
    ):
        print(f"  longwave, {what:17}: {error(estimate, record.values['LWdown'].to_numpy())}")


def main() -> None:
    """Every tower of the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archives", type=Path, required=True)
    folder = parser.parse_args().archives
    for path in sorted(folder.iterdir()):
        for site_id in SITE_ID.findall(path.name):
            if is_archive(path.name, site_id):
                record = read_record(find_site(site_id, [path]), [path])
                print(path.name)
                sampling(record)
                deficits(record)
                if "LWdown" in record.values and record.flags["LWdown"].eq(0).any():
                    sky(record)


if __name__ == "__main__":
    main()
