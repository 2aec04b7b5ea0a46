"""A study as a whole: beside the published numbers, seed by seed, what the states bring, all models in one figure."""

import argparse
from pathlib import Path

import pandas as pd

from lad.evaluation import study
from lad.evaluation.arguments import named_files
from lad.evaluation.differences import COLUMNS
from lad.evaluation.missing import add_missing_argument, missing_note
from lad.evaluation.ranks import rank_table, ranks_text
from lad.evaluation.saving import save
from lad.evaluation.scores import TRANSFER_COLUMNS, whole
from lad.evaluation.study_figures import ablation
from lad.evaluation.table import read_scores
from lad.io import read_table, replacing, write_csv
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad overview`."""
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv of the study")
    parser.add_argument(
        "--differences", type=Path, nargs="+", required=True, help="differences.csv of each site"
    )
    parser.add_argument("--transfer", type=Path, required=True, help="transfer.csv of the study")
    parser.add_argument(
        "--states",
        nargs="*",
        default=[],
        metavar="BLIND=SEEING",
        help="models that differ in what they see alone",
    )
    parser.add_argument("--output-directory", type=Path, required=True, help="receives tables and figure")
    add_missing_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Write published.md, seeds.md, gains.md, states.md, ranks.md, the tables behind them, and ablation.png."""
    scores = read_scores([args.scores])
    differences = pd.concat([read_table(path, COLUMNS) for path in args.differences], ignore_index=True)
    states = study.states_table(scores, differences, named_files(args.states))
    ranks = rank_table(whole(scores), read_table(args.transfer, TRANSFER_COLUMNS))
    folder = args.output_directory
    texts = {
        "published.md": study.published_table(scores),
        "seeds.md": study.seeds_table(scores),
        "gains.md": study.gains_text(differences),
        "states.md": study.states_text(states),
        "ranks.md": ranks_text(ranks),
    }
    for name, text in texts.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(missing_note(args.missing) + text, encoding="utf-8")
    write_csv(folder / "differences.csv", differences)
    write_csv(folder / "states.csv", states)
    write_csv(folder / "ranks.csv", ranks)
    save(folder / "ablation.png", ablation(scores), provenance({"scores": args.scores}))
