"""Show the skill of networks fine-tuned from the one for several sites, by the number of years of a site they know.

For comparison, with the same years: calibrated LaD, the network of the site alone and baselines; and models that know
no flux of the site.
"""

import argparse
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.evaluation.arguments import named_files
from lad.evaluation.scores import read_scores
from lad.figures import towers
from lad.figures.style import save
from lad.io import write_csv
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.study import by_years_known, fine_tuning_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad fine-tuning`."""
    parser.add_argument(
        "--scores", nargs="+", required=True, metavar="SITE/YEARS=CSV", help="of lad years --begin"
    )
    parser.add_argument(
        "--multi-site", type=Path, required=True, metavar="CSV", help="of lad evaluate-multi-site"
    )
    parser.add_argument("--output", type=Path, required=True, help="all scores, a CSV file")
    parser.add_argument("--table", type=Path, required=True, help="the table for readers (Markdown)")
    parser.add_argument(
        "--figure", type=Path, required=True, help="fine_tuning.png; fine_tuning.pdf goes beside it"
    )


def run(args: argparse.Namespace) -> None:
    """Write scores, table and figure."""
    files, known = named_files(args.scores), []
    for label, path in files.items():
        site, _, years = label.partition("/")
        if not (site and years.isdecimal()):
            raise InputError(f"--scores {label}: expected SITE/YEARS=FILE")
        known.append(read_scores([path]).assign(years=int(years)))
    scores = by_years_known(
        pd.concat(known, ignore_index=True), read_scores([args.multi_site], ("fitted_on",))
    )
    write_csv(args.output, scores)
    write_text(args.table, document("Fine-tuned networks", fine_tuning_tables(scores)))
    save(args.figure, towers.fine_tuning(scores), provenance(files | {"multi_site": args.multi_site}))
