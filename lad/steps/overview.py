"""A study as a whole: comparison with published numbers, single seeds, gains by states, all models in one figure."""

import argparse
from pathlib import Path

import pandas as pd

from lad.evaluation.arguments import add_missing_argument, missing_lines, named_files
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS, INTERVAL_COLUMNS
from lad.evaluation.scores import TRANSFER_COLUMNS, read_scores, whole
from lad.evaluation.study import rank_table, states_table
from lad.figures.study import ablation, errors
from lad.figures.style import save
from lad.io import read_table, write_csv
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.scores import seeds_table
from lad.tables.study import (
    NO_PAIR,
    NOTHING_PUBLISHED,
    PUBLISHED_H,
    gains_tables,
    published_table,
    ranks_tables,
    states_tables,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad overview`."""
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv of the study")
    parser.add_argument(
        "--differences", type=Path, nargs="+", required=True, help="differences.csv of each site"
    )
    parser.add_argument("--intervals", type=Path, nargs="+", required=True, help="intervals.csv of each site")
    parser.add_argument("--transfer", type=Path, required=True, help="transfer.csv of the study")
    parser.add_argument(
        "--states",
        nargs="*",
        default=[],
        metavar="BLIND=SEEING",
        help="models that differ only in what they see",
    )
    parser.add_argument("--output-directory", type=Path, required=True, help="receives tables and figure")
    add_missing_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Write published.md, seeds.md, gains.md, states.md, ranks.md, the tables behind them, rmse.png, ablation.png."""
    scores = read_scores([args.scores])
    tables = [read_table(path, DIFFERENCE_COLUMNS) for path in args.differences]
    differences = pd.concat(tables, ignore_index=True)
    states = states_table(scores, differences, named_files(args.states))
    ranks = rank_table(whole(scores), read_table(args.transfer, TRANSFER_COLUMNS))
    folder, published = args.output_directory, published_table(scores)
    documents = {
        "published": (
            "Published and reproduced",
            [published, PUBLISHED_H] if published else [NOTHING_PUBLISHED],
        ),
        "seeds": ("Scores of single seeds", [seeds_table(scores)]),
        "gains": ("Gains over calibrated LaD and empirical baselines", gains_tables(differences)),
        "states": (
            "What the states bring",
            [*states_tables(states), PUBLISHED_H] if len(states) else [NO_PAIR],
        ),
        "ranks": ("Ranks of the models", ranks_tables(ranks)),
    }
    for name, (title, parts) in documents.items():
        write_text(folder / f"{name}.md", document(title, parts, missing_lines(args.missing)))
    write_csv(folder / "differences.csv", differences)
    write_csv(folder / "states.csv", states)
    write_csv(folder / "ranks.csv", ranks)
    save(folder / "ablation.png", ablation(scores), provenance({"scores": args.scores}))
    intervals = pd.concat([read_table(path, INTERVAL_COLUMNS) for path in args.intervals], ignore_index=True)
    origin = {"scores": args.scores} | {path.parent.parent.name: path for path in args.intervals}
    save(folder / "rmse.png", errors(scores, intervals), provenance(origin))
