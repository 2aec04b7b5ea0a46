"""Fix the training, validation and test periods of a site: those of the settings, or proposed ones.

Proposed are whole years with enough measured LE and H. Beside the periods, a table shows how much was measured in
each and how far the tower closes its energy balance there, and another how the forcing of the test periods differs from
that of training: what a network sees for the first time there, it has not learnt.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lad.cf import intervals
from lad.errors import InputError
from lad.evaluation.series import read_at
from lad.io import read_netcdf, write_csv, write_json
from lad.observations import USABLE_QC, read_observed
from lad.periods import (
    NAMES,
    WHOLE,
    Period,
    Periods,
    as_settings,
    check_disjoint,
    days_with,
    mask,
    parse_periods,
    propose,
    usable_years,
)
from lad.provenance import provenance
from lad.towers.closure import energy_balance
from lad.towers.coverage import DAYLIGHT
from lad.towers.variables import FLUXES

SPIKE = 300.0  # W m-2
VARIABLES = ("SWdown", "LWdown", "Tair", "Qair", "Wind", "Psurf", "Rainf", "Snowf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--site", required=True, metavar="ID", help="site id, as in the files")
    parser.add_argument("--forcing", required=True, type=Path, metavar="NC", help="forcing file")
    parser.add_argument("--observations", required=True, type=Path, metavar="NC", help="measured fluxes")
    for name in NAMES:
        parser.add_argument(
            f"--{name}", nargs="+", metavar="FIRST:LAST", help="days; without any they are proposed"
        )
    parser.add_argument("--output", required=True, type=Path, metavar="JSON", help="the periods")
    parser.add_argument("--table", type=Path, metavar="CSV", help="measured shares and energy balance")
    parser.add_argument("--shifts", type=Path, metavar="CSV", help="forcing in test against training")


def run(args: argparse.Namespace) -> None:
    """Write the periods and print their table."""
    observed = read_observed(args.observations, args.site)
    swdown = read_at(args.forcing, args.site, ("SWdown",), observed.time)["SWdown"]
    light = swdown > DAYLIGHT
    both, either = (
        combine(observed.usable["LE"], observed.usable["H"]) for combine in (np.logical_and, np.logical_or)
    )
    given = {name: parse_periods(getattr(args, name)) for name in NAMES if getattr(args, name)}
    dataset = read_netcdf(args.observations)
    step = intervals(dataset, args.observations)[1]
    if given:
        absent = [name for name in NAMES if name not in given]
        if absent:
            raise InputError(f"--{absent[0]}: expected all of {', '.join(NAMES)}, or none of them")
    daytime = np.where(light, both, np.nan)
    years = usable_years(observed.time, step, dataset["segment"].values, daytime)
    periods = given or propose(years, args.observations)
    check_disjoint(train=periods["train"], test=periods["test"])
    check_disjoint(validation=periods["validation"], test=periods["test"])
    recorded = days_with(observed.time)
    if given and (lacking := _lacking(given, recorded)):
        try:
            way_out = f"take {as_settings(args.site, _clipped(propose(years, args.observations), recorded))}"
        except InputError as error:
            way_out = f"no periods can be proposed: {error}"
        days = ", ".join(map(str, recorded))
        raise InputError(f"{args.observations}: lacks days of {', '.join(lacking)}, it has {days}; {way_out}")
    for name in NAMES:
        for period in periods[name]:
            if not either[mask(observed.time, (period,))].any():
                raise InputError(
                    f"{args.observations}: no half-hour with LE or H in the {name} period {period}"
                )
    rows = {name: mask(observed.time, periods[name]) for name in NAMES}
    rows["train"] = rows["train"] & ~rows["validation"]
    rows["record"] = np.ones(len(observed.time), dtype=bool)
    shares = pd.DataFrame(
        {
            "days": {name: group.sum() * step / 86400.0 for name, group in rows.items()},
            "daytime_LE_and_H": {name: both[light & group].mean() for name, group in rows.items()},
        }
    )
    balance = energy_balance(
        {name: dataset[name].values for name in FLUXES},
        {name: dataset[f"{name}_qc"].values for name in FLUXES},
        rows,
    ).set_index("period")
    for target, flux in observed.flux.items():
        odd = observed.usable[target] & _spikes(flux, swdown)
        balance[f"{target}_spikes"] = {name: odd[group].sum() for name, group in rows.items()}
    table = shares.join(balance).rename_axis("period").reset_index()
    print("periods of the settings" if given else "proposed periods")
    for name in NAMES:
        print(f"  {name}: {', '.join(map(str, periods[name]))}")
    print(table.to_string(index=False, float_format="{:.2f}".format))
    inputs = {"forcing": args.forcing, "observations": args.observations}
    listed = {name: [[str(day) for day in period] for period in periods[name]] for name in NAMES}
    write_json(
        args.output, listed | {"proposed": not given, "provenance": provenance(inputs, site=args.site)}
    )
    for target in observed.flux:
        if count := table[f"{target}_spikes"].iloc[-1]:
            print(f"{args.site}: {count} usable half-hours of {target} are spikes, which stay")
    if args.table:
        write_csv(args.table, table)
    if args.shifts:
        write_csv(args.shifts, _shifts(read_netcdf(args.forcing), rows["train"], rows["test"]))


def _lacking(periods: Mapping[str, Periods], recorded: Periods) -> list[str]:
    """The periods that begin before or end after the recorded days, or have too few of them to be whole."""
    absent = []
    for name in NAMES:
        for period in periods[name]:
            first, last = period
            shared = (min(last, run.last) - max(first, run.first) for run in recorded)
            share = sum(max(days.days + 1, 0) for days in shared) / ((last - first).days + 1)
            if first < recorded[0].first or last > recorded[-1].last or share < WHOLE:
                absent.append(f"{name} {period}")
    return absent


def _clipped(periods: Mapping[str, Periods], recorded: Periods) -> dict[str, Periods]:
    """The periods without days before the first and after the last recorded one."""
    start, end = recorded[0].first, recorded[-1].last
    return {
        name: tuple(Period(max(first, start), min(last, end)) for first, last in group)
        for name, group in periods.items()
    }


def _spikes(flux: np.ndarray, swdown: np.ndarray) -> np.ndarray:
    """Where a flux (n,) is above `swdown` (n,) and `SPIKE`, or below -`SPIKE`: more than a surface has to give."""
    return (flux > swdown + SPIKE) | (flux < -SPIKE)


def _shifts(forcing: xr.Dataset, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    """Of each variable: means, shift in standard deviations of training, ratio of these, shares measured.

    Measured is what has no flag that says otherwise. `train` and `test` (n,) choose half-hours.
    """
    table = []
    for name in VARIABLES:
        values = forcing[name].values
        measured = np.isin(forcing[f"{name}_qc"].values, USABLE_QC)
        (one, two), (spread, other) = (
            [part(values[rows]) for rows in (train, test)] for part in (np.mean, np.std)
        )
        ratios = ((two - one) / spread, other / spread) if spread > 0 else (np.nan, np.nan)
        table.append([name, one, two, *ratios, measured[train].mean(), measured[test].mean()])
    columns = ["variable", "train", "test", "shift", "spread_ratio", "measured_train", "measured_test"]
    return pd.DataFrame(table, columns=columns)
