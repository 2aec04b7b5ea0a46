"""Score the empirical models of PLUMBER at each site of a study, fitted on all its other sites.

Files are given in the order of the sites.
"""

import argparse
from pathlib import Path

from lad.baselines.transfer import transfer
from lad.io import write_csv, write_json
from lad.periods import NAMES
from lad.provenance import provenance
from lad.site_files import FILES, add_site_files, inputs_of, of_each_site, site_periods


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad transfer`."""
    add_site_files(parser)
    parser.add_argument(
        "--output", type=Path, required=True, help="transfer.csv; transfer.json goes beside it"
    )


def run(args: argparse.Namespace) -> None:
    """Write the scores and, beside them, what they were made from."""
    files = of_each_site(args, *FILES)
    scores = transfer(files, site_periods(args, *NAMES))
    write_json(args.output.with_suffix(".json"), provenance(inputs_of(files), sites=args.site))
    write_csv(args.output, scores)
