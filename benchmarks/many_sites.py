"""What a study of all sites of a folder costs, and how that grows with their number.

    .venv/bin/python benchmarks/many_sites.py 1 5 20 --archives ../shared/fluxnet

Towers are made from the real archives: two years of one of them under another identifier, with the weather and
the fluxes of each copy altered (`altered`), so that no two are the same work. For each number the study `all` of so
many is made by the workflow itself, on two cores and with an empty compilation cache, in a folder of its own under
`results/many_sites`. The settings are those of the tests with one model, one network and one baseline: all steps, and
fits that are too short to learn anything. CPU seconds are those of all processes together, as the kernel counts them.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from snakemake.utils import update_config

from lad.towers.sites import read_rows

ROOT = Path(__file__).resolve().parent.parent
LINKED = ("Snakefile", "workflow", "lad", "data", "envs", "pyproject.toml")
SOURCES = {  # site: archive, and the first of `YEARS` good years in it
    "US-CRT": ("AMF_US-CRT_BASE-BADM_3-5.zip", "2011"),
    "US-Wkg": ("AMF_US-Wkg_FLUXNET_FULLSET_2018-2021_0-0.zip", "2018"),
}
YEARS = 2  # the fewest that periods are proposed for
MISSING = -9999
TIMES = ("TIMESTAMP_START", "TIMESTAMP_END")
SEED = 0
STARTS = {
    "Python": "pass",
    "a step without JAX (`lad gapfill`)": "import lad.steps.gapfill",
    "a step with JAX (`lad simulate`)": "import lad.steps.simulate",
    "a training (`lad train`)": "import lad.steps.train",
}


def table(path: Path, first: str) -> tuple[str, pd.DataFrame]:
    """Name and rows of the half-hourly table of an archive, `YEARS` years from the year `first`."""
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if "_HH_" in name]
        rows = pd.read_csv(archive.open(name), comment="#", dtype=dict.fromkeys(TIMES, str))
    year = rows[TIMES[0]].str[:4].astype(int)
    return name, rows[year.between(int(first), int(first) + YEARS - 1)]


def altered(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Another tower's table: air warmer or colder by up to 2 K, sun, rain and fluxes up to a tenth more or less."""
    changes = {name: (0.0, random.uniform(-2, 2)) for name in ("TA", "TA_F")}
    for names in (("SW_IN", "SW_IN_F"), ("P", "P_F"), ("LE", "LE_F_MDS"), ("H", "H_F_MDS")):
        changes |= dict.fromkeys(names, (random.uniform(-0.1, 0.1), 0.0))
    new = {
        name: rows[name].where(rows[name] == MISSING, (rows[name] * (1 + factor) + shift).round(4))
        for name, (factor, shift) in changes.items()
        if name in rows
    }
    return rows.assign(**new)


def make_towers(folder: Path, number: int, archives: Path) -> None:
    """Tables of `number` towers in `folder`/archives, and `folder`/sites.csv with their metadata."""
    known, random = read_rows(), np.random.default_rng(SEED)
    here = [site for site, (name, _) in SOURCES.items() if (archives / name).exists()]
    if not here:
        sys.exit(f"{archives}: expected one of {', '.join(name for name, _ in SOURCES.values())}")
    (folder / "archives").mkdir()
    sites = []
    for copy in range(number):
        source = here[copy % len(here)]
        site = f"QQ-{copy:03d}"
        name, rows = table(archives / SOURCES[source][0], SOURCES[source][1])
        altered(rows, random).to_csv(folder / "archives" / name.replace(source, site), index=False)
        sites.append(known[source] | {"site_id": site, "name": f"{source}, altered {copy}"})
    with open(folder / "sites.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in sites for name in row)))
        writer.writeheader()
        writer.writerows(sites)


def make_study(folder: Path, number: int, archives: Path) -> None:
    """A folder in which the workflow makes the study `all` of `number` towers."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for linked in LINKED:
        (folder / linked).symlink_to(ROOT / linked)
    (folder / "profiles").symlink_to(ROOT / "profiles")
    make_towers(folder, number, archives)
    (folder / "config.yaml").write_text(yaml.safe_dump(study_settings()), encoding="utf-8")


def study_settings() -> dict:
    """Settings of the study: those of the tests with one model, network and baseline, sites of `sites.csv`."""
    config = {}
    for file in ("config.yaml", "tests/config.yaml"):
        update_config(config, yaml.safe_load((ROOT / file).read_text(encoding="utf-8")))
    config |= {
        "sites": {"QQ-000": {}},
        "studies": {"demo": ["QQ-000"], "all": "all"},
        "sites_table": "sites.csv",
    }
    config |= {name: config[name] | {"sites": []} for name in ("solvers", "daemons", "landscape")}
    del config["ensembles"], config["years"]
    return config | {"models": {"mlp": config["models"]["mlp"]}, "seeds": 1, "baselines": ["1lin"]}


def measured(command: list[str], folder: Path, **environment: str) -> dict[str, float]:
    """Wall and CPU seconds of a command with all that it starts, and memory of the largest process (MB)."""
    begin = time.perf_counter()
    with open(folder / "log.txt", "a") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}: failed, see {folder / 'log.txt'}")
    wall = time.perf_counter() - begin
    return {"wall s": wall, "CPU s": usage.ru_utime + usage.ru_stime, "largest MB": usage.ru_maxrss / 1024}


def snakemake(folder: Path, *arguments: str) -> dict[str, float]:
    """What a call of the workflow costs."""
    command = [sys.executable, "-m", "snakemake", "all", "--cores", "2", *arguments]
    return measured(command, folder, JAX_COMPILATION_CACHE_DIR=str(folder / ".cache"))


def by_step(folder: Path) -> pd.DataFrame:
    """Rows of what Snakemake noted of each job, with `place` (a site or the study) and `step`."""
    tables = []
    for path in sorted((folder / "logs").rglob("*.tsv")):
        place, *step = path.relative_to(folder / "logs").with_suffix("").parts
        tables.append(pd.read_csv(path, sep="\t", na_values="-").assign(place=place, step="/".join(step)))
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    """Make all studies, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("number", nargs="+", type=int, help="of towers")
    parser.add_argument("--archives", type=Path, default=ROOT / "data", help="folder with the real archives")
    args = parser.parse_args()
    base = ROOT / "results" / "many_sites"
    base.mkdir(parents=True, exist_ok=True)
    starts = {name: measured([sys.executable, "-c", code], base) for name, code in STARTS.items()}
    print(pd.DataFrame(starts).T.round(2).to_markdown(), flush=True)
    studies = {}
    for number in args.number:
        folder = base / str(number)
        make_study(folder, number, args.archives)
        plan, run, again = snakemake(folder, "-n"), snakemake(folder), snakemake(folder)
        jobs = by_step(folder)
        studies[number] = run | {
            "CPU s of a site": run["CPU s"] / number,
            "jobs": len(jobs),
            "plan, CPU s": plan["CPU s"],
            "plan, MB": plan["largest MB"],
            "nothing to do, CPU s": again["CPU s"],
            "results MB": sum(
                path.stat().st_size for path in (folder / "results").rglob("*") if path.is_file()
            )
            / 1e6,
            "page MB": (folder / "results/all/report.html").stat().st_size / 1e6,
        }
        print(pd.DataFrame(studies).T.round(1).to_markdown(), flush=True)
        steps = jobs.groupby("step", sort=False).agg(
            jobs=("s", "size"),
            CPU=("cpu_time", "median"),
            most_CPU=("cpu_time", "max"),
            MB=("max_rss", "max"),
        )
        print(steps.round(1).to_markdown(), flush=True)


if __name__ == "__main__":
    main()
