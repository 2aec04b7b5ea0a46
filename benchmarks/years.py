"""What each year of training brings, and which model holds in years that it has not seen.

    .venv/bin/python benchmarks/years.py US-Me2 2002 2004 2005 2006 2007 --models residual
    .venv/bin/python benchmarks/years.py US-Me2 2002,2004 2005,2006,2007

For each argument, one or several years, calibration and training are repeated without these years, otherwise as the
settings say; then the models are scored on the years left out (`left out`) and on the test periods. Needs forcing and
observations of the study (`./run results/US-Me2/forcing/forcing.nc`). Two processes run side by side; what is in
`results/years` already is not made again.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import yaml
from snakemake.utils import update_config

LAD = Path(sys.executable).with_name("lad")
SHOWN = ["judged", "target", "model", "without", "rmse", "bias_pct", "nse", "kge"]


def settings(files: list[str]) -> dict:
    """The settings of the study, with those of `files` merged over them."""
    whole = {}
    for file in ("config.yaml", *files):
        update_config(whole, yaml.safe_load(Path(file).read_text(encoding="utf-8")))
    return whole


def split(site: dict, years: set[int]) -> dict[str, list[list[str]]]:
    """Periods of a site without `years`: calendar years are cut out of training, validation blocks in them left out."""
    train = []
    for first, last in site["train"]:
        for year in range(int(first[:4]), int(last[:4]) + 1):
            if year not in years:
                train.append([max(first, f"{year}-01-01"), min(last, f"{year}-12-31")])
    validation = [block for block in site["validation"] if int(block[0][:4]) not in years]
    left_out = [[f"{year}-01-01", f"{year}-12-31"] for year in sorted(years)]
    return {"train": train, "validation": validation, "left out": left_out, "test": site["test"]}


def options(name: str, periods: list[list[str]]) -> list[str]:
    """Periods as options of a step."""
    return [f"--{name}", *(":".join(days) for days in periods)]


def lad(log: Path, *arguments: str | Path) -> None:
    """One step in a process of its own, told into `log`."""
    with open(log, "a") as file:
        subprocess.run([LAD, *map(str, arguments)], check=True, stdout=file, stderr=file)


def fold(name: str, site: str, config: dict, folder: Path) -> None:
    """Everything of one split, in `folder`."""
    periods = split(config["sites"][site], {int(year) for year in name.split(",")})
    folder.mkdir(parents=True, exist_ok=True)
    forcing, observations = (
        Path("results", site, "forcing", f"{kind}.nc") for kind in ("forcing", "observations")
    )
    files = ["--forcing", forcing, "--observations", observations]
    learnt = [*options("train", periods["train"]), *options("validation", periods["validation"])]
    log, parameters, runs = folder / "log.txt", folder / "parameters.json", {"bulk": folder / "bulk.nc"}
    if not parameters.exists():
        told = ["--settings", json.dumps(config["calibration"]), "--output", parameters]
        lad(log, "calibrate", "--site", site, *files, *learnt, *told)
    if not runs["bulk"].exists():
        lad(log, "simulate", "--forcing", forcing, "--parameters", parameters, "--output", runs["bulk"])
    for model, about in config["models"].items():
        trained = folder / model
        if not (trained / "history.csv").exists():
            told = json.dumps(config["training"] | about.get("training", {}))
            law = json.dumps({key: value for key, value in about.items() if key != "training"})
            given = ["--parameters", parameters, "--model-settings", law, "--settings", told]
            lad(
                log,
                "train",
                *files,
                *learnt,
                *given,
                "--seeds",
                config["seeds"],
                "--output-directory",
                trained,
            )
        for seed in range(config["seeds"]):
            runs[f"{model}/{seed}"] = run = trained / f"seed{seed}.nc"
            if not run.exists():
                lad(
                    log, "simulate", "--forcing", forcing, "--model", run.with_suffix(".eqx"), "--output", run
                )
    pairs = [f"{label}={path}" for label, path in runs.items()]
    for judged in ("left out", "test"):
        told = ["--simulation", *pairs, *learnt, *options("test", periods[judged])]
        lad(log, "evaluate", "--site", site, *files, *told, "--output", folder / f"{judged}.csv")


def main() -> None:
    """Make all splits, print the scores of the ensembles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("site")
    parser.add_argument("without", nargs="+", metavar="YEAR[,YEAR…]")
    parser.add_argument("--configfile", nargs="+", default=[], help="settings over those of config.yaml")
    parser.add_argument("--models", nargs="+", help="models of the settings (default: all)")
    args = parser.parse_args()
    config = settings(args.configfile)
    config["models"] = {name: config["models"][name] for name in args.models or config["models"]}
    folders = {name: Path("results", "years", args.site, name) for name in args.without}
    os.environ |= {"NPROC": "1", "JAX_COMPILATION_CACHE_DIR": str(Path(".cache/jax").resolve())}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: fold(name, args.site, config, folders[name]), folders))
    tables = [
        pd.read_csv(folder / f"{judged}.csv", dtype={"seed": str}, keep_default_na=False).assign(
            judged=judged, without=name
        )
        for name, folder in folders.items()
        for judged in ("left out", "test")
    ]
    scores = pd.concat(tables)
    scores = scores[scores.seed.isin(["", "ensemble"])][SHOWN].sort_values(SHOWN[:4])
    print(scores.to_string(index=False, float_format=lambda x: f"{x:.3f}"))


if __name__ == "__main__":
    main()
