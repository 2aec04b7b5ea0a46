"""Score networks for many towers at each: trained with it, without it, and without its type of vegetation.

Files are given in the order of the sites.
"""

import argparse
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.evaluation.arguments import named_files
from lad.evaluation.saving import save
from lad.evaluation.scores import TRANSFER_COLUMNS
from lad.evaluation.table import UNDEFINED, read_scores
from lad.integrate.named import named
from lad.io import read_netcdf, read_table, replacing, write_csv, write_json
from lad.many.figure import joint_figure
from lad.many.scores import beside, joint_scores, joint_text
from lad.periods import NAMES, periods_from
from lad.provenance import provenance
from lad.site_files import add_site_files, site_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad joint`."""
    add_site_files(parser)
    parser.add_argument(
        "--network",
        nargs="+",
        required=True,
        metavar="FOLD/SEED=EQX",
        help="of lad train-many; a fold is all, or the site or IGBP class that was left out",
    )
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv of the study")
    parser.add_argument("--transfer", type=Path, required=True, help="transfer.csv of the study")
    parser.add_argument("--own", required=True, metavar="MODEL", help="of each site, shown beside")
    parser.add_argument("--integrator", default="fast-1", metavar="NAME", help="of the runs (fast-1)")
    parser.add_argument("--spinup-passes", type=int, default=3, metavar="N", help="before each run")
    parser.add_argument("--output", type=Path, required=True, help="joint.csv; joint.json goes beside it")
    parser.add_argument("--table", type=Path, required=True, help="joint.md, the table for readers")
    parser.add_argument("--figure", type=Path, required=True, help="joint.png; joint.pdf goes beside it")


def run(args: argparse.Namespace) -> None:
    """Write the scores, what they were made from, their table and figure."""
    files = site_files(args)
    networks: dict[str, dict[str, Path]] = {}
    for name, path in named_files(args.network).items():
        fold, slash, seed = name.partition("/")
        if not slash:
            raise InputError(f"--network {name}: expected FOLD/SEED=FILE")
        networks.setdefault(fold, {})[seed] = Path(path)
    transfer = read_table(
        args.transfer, TRANSFER_COLUMNS, dtype={"seed": str}, keep_default_na=False, na_values=UNDEFINED
    )
    known = beside(read_scores([args.scores]), transfer, args.own)
    types = {site: read_netcdf(paths["forcing"]).attrs.get("igbp") for site, paths in files.items()}
    solver, tables, tests = named(args.integrator), [], {}
    for site, paths in files.items():
        periods = periods_from(argparse.Namespace(periods=paths["periods"]), *NAMES)
        tests[site] = [str(period) for period in periods["test"]]
        tables.append(joint_scores(site, paths, periods, networks, types, solver, args.spinup_passes))
    table = pd.concat([*tables, known], ignore_index=True)
    inputs = {f"{name} {site}": path for site, paths in files.items() for name, path in paths.items()}
    inputs |= {
        f"network {fold}/{seed}": path for fold, seeds in networks.items() for seed, path in seeds.items()
    }
    inputs |= {"scores": args.scores, "transfer": args.transfer}
    origin = provenance(
        inputs,
        sites=args.site,
        own=args.own,
        test=tests,
        integrator=args.integrator,
        spinup_passes=args.spinup_passes,
    )
    told = joint_text(table, args.own)
    write_json(args.output.with_suffix(".json"), origin)
    write_csv(args.output, table)
    with replacing(args.table) as temporary:
        temporary.write_text(told, encoding="utf-8")
    save(args.figure, joint_figure(table, args.own), origin)
    print(told)
