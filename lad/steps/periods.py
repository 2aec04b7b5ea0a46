"""Fix the training, validation and test periods of a site: those of the settings, or proposed ones.

Whole years with enough measured LE and H are proposed. One table shows how much was measured in each period and how far
the tower closes its energy balance there; another shows how the forcing of the test periods differs from that of
training: a network has not learnt what it first sees in the test.
"""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.periods import checked_periods, forcing_shifts, period_table, read_tower
from lad.figures.style import save
from lad.figures.tower import mass_curve_figure
from lad.io import write_csv, write_json
from lad.mass_curve import UNRECORDED, mass_curve
from lad.observations import TARGETS
from lad.periods import NAMES, parse_periods
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--site", required=True, metavar="ID", help="site id, as in the files")
    parser.add_argument("--forcing", required=True, type=Path, metavar="NC", help="forcing file")
    parser.add_argument("--observations", required=True, type=Path, metavar="NC", help="measured fluxes")
    for name in NAMES:
        parser.add_argument(
            f"--{name}", nargs="+", metavar="FIRST:LAST", help="days; proposed if none are given"
        )
    parser.add_argument("--output", required=True, type=Path, metavar="JSON", help="the periods")
    parser.add_argument("--table", type=Path, metavar="CSV", help="measured shares and energy balance")
    parser.add_argument("--shifts", type=Path, metavar="CSV", help="forcing in test against training")
    parser.add_argument("--mass-curve", type=Path, metavar="PNG", help="what the root zone must hold")


def run(args: argparse.Namespace) -> None:
    """Write the periods and print their table."""
    given = {name: parse_periods(getattr(args, name)) for name in NAMES if getattr(args, name)}
    if given and (absent := [name for name in NAMES if name not in given]):
        raise InputError(f"--{absent[0]}: expected all of {', '.join(NAMES)}, or none of them")
    tower = read_tower(args.site, args.forcing, args.observations)
    periods = checked_periods(tower, given)
    table = period_table(tower, periods)
    print("periods of the settings" if given else "proposed periods")
    for name in NAMES:
        print(f"  {name}: {', '.join(map(str, periods[name]))}")
    print(
        "daytime_LE_and_H: share of the daylight half-hours with both; precipitation, evaporation: mm a year; "
        "ratio, slope, intercept (W m-2): LE + H against available energy"
    )
    print(table.to_string(index=False, float_format="{:.2f}".format))
    origin = provenance({"forcing": args.forcing, "observations": args.observations}, site=args.site)
    listed = {name: [[str(day) for day in period] for period in periods[name]] for name in NAMES}
    write_json(args.output, listed | {"proposed": not given, "provenance": origin})
    for target in TARGETS:
        if count := table[f"{target}_spikes"].iloc[-1]:
            print(f"{args.site}: {count} usable half-hours of {target} are spikes, which are kept")
    curve = mass_curve(
        tower.observed.time,
        tower.precipitation,
        tower.observed.flux["LE"],
        periods["train"],
        periods["validation"],
    )
    print(f"root-zone capacity by the mass curve of training: {curve.capacity:.0f} kg m-2")
    if curve.excess > UNRECORDED:
        print(
            f"{args.site}: in training evaporation exceeds precipitation by {curve.excess:.0f} mm a year: the gauge "
            "may have failed, or plants use water that no gauge records; the models only get precipitation"
        )
    if args.table:
        write_csv(args.table, table)
    if args.shifts:
        rows = tower.rows(periods)
        write_csv(args.shifts, forcing_shifts(args.forcing, rows["train"], rows["test"]))
    if args.mass_curve:
        save(
            args.mass_curve,
            mass_curve_figure(curve, f"{args.site}: water that the root zone must hold"),
            origin,
        )
