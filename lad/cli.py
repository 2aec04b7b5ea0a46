"""`lad <step> …`: every step of the study as a command."""

import argparse
import ast
import importlib
import os
import sys
from pathlib import Path

from lad import lock
from lad.errors import InputError

STEPS = (
    "sites",
    "check-live",
    "fetch",
    "gapfill",
    "forcing",
    "periods",
    "calibrate",
    "train",
    "train-many",
    "place",
    "simulate",
    "baselines",
    "evaluate",
    "figures",
    "response",
    "sanity",
    "gather",
    "transfer",
    "joint",
    "curves",
    "overview",
    "solvers",
    "daemons",
    "landscape",
    "report",
    "compare",
)


def _module(step: str) -> str:
    return step.replace("-", "_")


def _summary(step: str) -> str:
    """First line of a step's docstring, read without importing the step (JAX takes a second to load)."""
    source = Path(__file__).parent / "steps" / f"{_module(step)}.py"
    return (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").split("\n")[0]


def main(argv: list[str] | None = None) -> int:
    """Run one step; return the exit status (0 done, 1 the step failed, 2 bad input)."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="lad", description=__doc__)
    commands = parser.add_subparsers(dest="step", required=True, metavar="step")
    chosen = argv[0] if argv and argv[0] in STEPS else None
    module = None
    for step in STEPS:
        command = commands.add_parser(step, help=_summary(step))
        if step == chosen:
            module = importlib.import_module(f"lad.steps.{_module(step)}")
            command.description = module.__doc__
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(command)
    args = parser.parse_args(argv)
    try:
        if lock.VARIABLE in os.environ:
            lock.join_run(os.environ[lock.VARIABLE])
        module.run(args)
    except InputError as error:
        print(f"lad {args.step}: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # disk full, read-only results, missing file: the system's words suffice
        print(f"lad {args.step}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lad {args.step}: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
