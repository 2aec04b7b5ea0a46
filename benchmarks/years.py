"""What each year of training brings, and which model holds in years that it has not seen.

    .venv/bin/python benchmarks/years.py US-Me2 2013 2014 2015 2016 --models residual --test
    .venv/bin/python benchmarks/years.py US-Me2 2013,2014 2015,2016

For each argument, one or several years, the study of the site is made again without these years in calibration and
training, in a folder of its own under `results/years`, by the workflow itself: two at a time, each on one core. Printed
are the scores on the years left out, which is what to choose by; with --test also those on the test periods.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import yaml
from snakemake.utils import update_config

ROOT = Path(__file__).resolve().parent.parent
LINKED = ("Snakefile", "workflow", "lad", "data", "envs", "pyproject.toml")
SHOWN = ["judged", "target", "model", "without", "rmse", "bias_pct", "nse", "kge"]


def settings(files: list[str]) -> dict:
    """The settings of the study, with those of `files` merged over them."""
    whole = {}
    for file in (ROOT / "config.yaml", *files):
        update_config(whole, yaml.safe_load(Path(file).read_text(encoding="utf-8")))
    return whole


def without(site: dict, years: set[int]) -> dict:
    """Settings of a site without `years`: cut out of training, validation blocks in them left out, test period.

    Raises SystemExit for years that are not those of training, and if none or no validation block would be left.
    """
    parts = [
        (year, [max(first, f"{year}-01-01"), min(last, f"{year}-12-31")])
        for first, last in site["train"]
        for year in range(int(first[:4]), int(last[:4]) + 1)
    ]
    train = [days for year, days in parts if year not in years]
    validation = [block for block in site["validation"] if int(block[0][:4]) not in years]
    known = {year for year, _ in parts}
    if not (years <= known and train and validation):
        sys.exit(
            f"years {sorted(years)}: expected some of {sorted(known)}, and validation blocks in the others"
        )
    test = [[f"{year}-01-01", f"{year}-12-31"] for year in sorted(years)]
    return site | {"train": train, "validation": validation, "test": test}


def of_one(site: str, own: dict, config: dict) -> dict:
    """Settings of a study of one site, which has the settings `own`, without experiments on solvers."""
    nowhere = {name: config[name] | {"sites": []} for name in ("solvers", "daemons", "landscape")}
    return config | nowhere | {"sites": {site: own}, "studies": {"demo": [site]}}


def score(folder: Path, site: str, own: dict) -> pd.DataFrame:
    """Scores of a study of one site with the settings `own` in `folder`, made as far as it is not there."""
    (folder / "config.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    target = f"results/{site}/evaluate/scores.csv"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--rerun-incomplete", target]
    with open(folder / "log.txt", "a") as log:
        subprocess.run(command, cwd=folder, check=True, stdout=log, stderr=log)
    return pd.read_csv(folder / target, dtype={"seed": str}, keep_default_na=False)


def fold(name: str, own: dict, site: str, config: dict, test: bool) -> list[pd.DataFrame]:
    """Scores of the study with the settings `own` of the site: on their test period, and the site's if asked for."""
    folder = ROOT / "results" / "years" / site / name
    folder.mkdir(parents=True, exist_ok=True)
    for linked in LINKED:
        if not (folder / linked).exists():
            (folder / linked).symlink_to(ROOT / linked)
    tables = [score(folder, site, of_one(site, own, config)).assign(judged="left out")]
    if test:
        own = own | {"test": config["sites"][site]["test"]}
        tables.append(score(folder, site, of_one(site, own, config)).assign(judged="test"))
    return [table.assign(without=name) for table in tables]


def main() -> None:
    """Make all splits, print the scores of the ensembles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("site")
    parser.add_argument("without", nargs="+", metavar="YEAR[,YEAR…]")
    parser.add_argument("--archives", default="archives", help="folder with the archives")
    parser.add_argument("--configfile", nargs="+", default=[], help="settings over those of config.yaml")
    parser.add_argument("--models", nargs="+", help="models of the settings (default: all)")
    parser.add_argument("--test", action="store_true", help="scores on the test periods as well")
    args = parser.parse_args()
    config = settings(args.configfile) | {"archives": str(Path(args.archives).resolve())}
    unknown = set(args.models or []) - set(config["models"])
    if unknown:
        sys.exit(f"models {', '.join(sorted(unknown))}: expected some of {', '.join(config['models'])}")
    config["models"] = {name: config["models"][name] for name in args.models or config["models"]}
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(ROOT / ".cache" / "jax")
    site = config["sites"].get(args.site)
    if site is None or "train" not in site:
        sys.exit(
            f"{args.site}: expected a site with periods in the settings, of {', '.join(config['sites'])}"
        )
    if not all(year.isdigit() for name in args.without for year in name.split(",")):
        sys.exit(f"years {' '.join(args.without)}: expected YEAR[,YEAR…]")
    folds = {name: without(site, {int(year) for year in name.split(",")}) for name in args.without}
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda name: fold(name, folds[name], args.site, config, args.test), folds)
        scores = pd.concat([table for tables in found for table in tables])
    scores = scores[scores.seed.isin(["", "ensemble"])][SHOWN].sort_values(SHOWN[:4])
    print(scores.to_string(index=False, float_format=lambda x: f"{x:.3f}"))


if __name__ == "__main__":
    main()
