"""Score multi-site networks at each site: trained with it, without it, and without its type of vegetation.

Files are given in the order of the sites.
"""

import argparse
from pathlib import Path

import pandas as pd

from lad.baselines.transfer import data_of_sites, transferred
from lad.errors import InputError
from lad.evaluation.arguments import by_seed, inputs_of_seeds
from lad.evaluation.multi_site import multi_site_scores, of_sites_alone
from lad.evaluation.scores import ALL, read_scores
from lad.figures import towers
from lad.figures.style import save
from lad.integrate.named import named
from lad.io import read_netcdf, write_csv, write_json
from lad.periods import NAMES
from lad.provenance import provenance
from lad.site_files import FILES, add_site_files, inputs_of, of_each_site, site_periods
from lad.tables import document, write_text
from lad.tables.study import multi_site_differences_tables, multi_site_tables
from lad.training.files import training_record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad evaluate-multi-site`."""
    add_site_files(parser)
    parser.add_argument(
        "--network",
        nargs="+",
        required=True,
        metavar="FOLD/SEED=EQX",
        help="of lad train; a fold is all, or the site or IGBP class that was left out",
    )
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv of the study")
    parser.add_argument(
        "--own", required=True, metavar="MODEL", help="model of each site alone, for comparison"
    )
    parser.add_argument("--integrator", default="fast-1", metavar="NAME", help="of the runs (fast-1)")
    parser.add_argument("--spinup-passes", type=int, default=3, metavar="N", help="before each run")
    parser.add_argument(
        "--output", type=Path, required=True, help="multi_site.csv; multi_site.json goes beside it"
    )
    parser.add_argument("--differences", type=Path, required=True, help="differences of these scores (CSV)")
    parser.add_argument("--table", type=Path, required=True, help="multi_site.md, the table for readers")
    parser.add_argument(
        "--figure", type=Path, required=True, help="multi_site.png; multi_site.pdf goes beside it"
    )


def run(args: argparse.Namespace) -> None:
    """Write the scores, what they were made from, their differences, table and figure."""
    if args.spinup_passes < 0:
        raise InputError(f"--spinup-passes {args.spinup_passes}: expected 0 or more")
    files, networks = of_each_site(args, *FILES), by_seed(args.network, "--network", "FOLD")
    of_itself = of_sites_alone(read_scores([args.scores]), args.own)
    types = {site: read_netcdf(paths["forcing"]).attrs.get("igbp", "") for site, paths in files.items()}
    periods, solver = site_periods(args, *NAMES), named(args.integrator)
    data, found = data_of_sites(files, periods), []
    for site, paths in files.items():
        lines = transferred(site, data, periods[site]["test"])
        given = (paths, periods[site], networks, types, lines, solver, args.spinup_passes)
        found.append(multi_site_scores(site, *given))
    scores, gained = zip(*found, strict=True)
    table = pd.concat([*scores, of_itself], ignore_index=True)
    differences = pd.concat(gained, ignore_index=True)
    origin = provenance(
        inputs_of(files) | inputs_of_seeds("network", networks) | {"scores": args.scores},
        sites=args.site,
        own=args.own,
        test={site: of_site["test"] for site, of_site in periods.items()},
        integrator=args.integrator,
        spinup_passes=args.spinup_passes,
    )
    trained = training_record(next(iter(networks[ALL].values())))
    parts = multi_site_tables(table, trained.get("training")) + multi_site_differences_tables(differences)
    text = document("Multi-site networks", parts)
    write_json(args.output.with_suffix(".json"), origin)
    write_csv(args.output, table)
    write_csv(args.differences, differences)
    write_text(args.table, text)
    save(args.figure, towers.multi_site(table, types), origin)
    print(text)
