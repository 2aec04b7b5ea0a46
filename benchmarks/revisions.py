"""Two revisions side by side: time of the solvers, of a process to its first gradient, and of commands in fresh clones.

    .venv/bin/python benchmarks/revisions.py OLD [NEW] [--run "./run"] [--run "./run test"] [--repeats 3]

Benchmarks run in turn in the environment of this one. Commands run once, in a fresh clone with an empty home, so that
their set-up counts. Let nothing else run meanwhile.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parent.parent
BENCHMARKS = ("speed.py", "start.py")


def clone(revision: str, folder: Path) -> Path:
    """A clone of the project at `revision`."""
    find = ["git", "rev-parse", "--verify", f"{revision}^{{commit}}"]
    found = subprocess.run(find, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", found], cwd=folder, check=True)
    return folder


def rows(folder: Path, benchmark: str) -> pd.Series:
    """The numbers that a benchmark of a clone prints in its table, by case and column."""
    command = [sys.executable, f"benchmarks/{benchmark}"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    run = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return numbers(run.stdout)


def numbers(printed: str) -> pd.Series:
    """The numbers of a table that was `printed`, by case and column."""
    lines = [line.strip("|").split("|") for line in printed.splitlines() if line.startswith("|")]
    header, _, *body = [[cell.strip() for cell in line] for line in lines]
    values = {
        (case, column): float(cell.split()[0])  # a median stands before its range
        for case, *cells in body
        for column, cell in zip(header[1:], cells, strict=True)
    }
    return pd.Series(values)


def timed(command: str, revision: str) -> pd.Series:
    """Wall and CPU seconds of a command in a fresh clone, with what it prints on standard error."""
    own = ("PYTHON", "JAX_", "XLA_", "LAD_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with tempfile.TemporaryDirectory() as home:
        folder = clone(revision, Path(home) / "clone")
        environment["HOME"] = home
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdout=sys.stderr, check=True)
        wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return pd.Series({(command, "wall s"): wall, (command, "CPU s"): cpu})


def main() -> None:
    """Print the tables: both revisions and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("old", metavar="OLD", help="a revision")
    parser.add_argument("new", metavar="NEW", nargs="?", default="HEAD", help="another (%(default)s)")
    parser.add_argument("--run", action="append", default=[], metavar="COMMAND", help="timed once in each")
    parser.add_argument("--repeats", type=int, default=3, help="of the benchmarks (0: none)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as both:
        clones = {name: clone(getattr(args, name), Path(both) / name) for name in ("old", "new")}
        for benchmark in BENCHMARKS if args.repeats else ():
            found = {name: [] for name in clones}
            for _ in range(args.repeats):
                for name, folder in clones.items():
                    found[name].append(rows(folder, benchmark))
            show({name: pd.concat(tables, axis=1).median(axis=1) for name, tables in found.items()})
    for command in args.run:
        show({name: timed(command, getattr(args, name)) for name in ("old", "new")})


def show(columns: dict[str, pd.Series]) -> None:
    """Print one table."""
    table = pd.DataFrame(columns)
    table["new / old"] = table.new / table.old
    print(table.round(3).to_markdown(), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
