"""`lad <step> …`: every step of the study as a command."""

import argparse
import ast
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from lad import lock
from lad.errors import InputError

PURPOSES = {
    "tower data": ("sites", "fetch", "gapfill", "forcing", "periods", "check-live"),
    "calibration and training": ("calibrate", "train", "apply"),
    "simulated fluxes": ("simulate", "baselines", "combine", "export"),
    "scores and figures of a site": ("evaluate", "sanity", "figures", "response", "compare"),
    "tables and page of a study": (
        "gather",
        "overview",
        "towers",
        "curves",
        "transfer",
        "evaluate-multi-site",
        "fine-tuning",
        "report",
    ),
    "whole years left out": ("years", "years-table"),
    "experiments with solvers": ("solvers", "daemons", "landscape"),
}
STEPS = tuple(step for steps in PURPOSES.values() for step in steps)


def _module(step: str) -> str:
    return step.replace("-", "_")


def _summary(step: str) -> str:
    """First line of a step's docstring, read without importing the step (JAX takes a second to load)."""
    source = Path(__file__).parent / "steps" / f"{_module(step)}.py"
    return (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").split("\n")[0]


def _listing() -> str:
    """All steps by purpose, with their first lines."""
    width = max(map(len, STEPS))
    parts = (
        "\n".join([f"{purpose}:", *(f"  {step:{width}}  {_summary(step)}" for step in steps)])
        for purpose, steps in PURPOSES.items()
    )
    return "\n\n".join(parts)


def _why_jax_fails() -> str:
    """Why JAX does not start with the shell's environment variables, in one line; empty if it starts."""
    try:
        import jax

        jax.devices()
    except Exception as error:  # JAX may raise anything, with or without a text
        text = (str(error).splitlines() or ["no such device here, or no plug-in for it"])[0].split(" (set ")[
            0
        ]
        names = sorted(
            name
            for name in os.environ
            if name.startswith("JAX_PLATFORM") or (name[:4] == "JAX_" and name in text.upper())
        )
        given = ", ".join(f"{name}={os.environ[name]}" for name in names)
        return f"{given or 'JAX'} in the environment: {text}; unset {' and '.join(names) or 'what JAX does not know'}"
    return ""


def main(argv: list[str] | None = None) -> int:
    """Run one step; return the exit status (0 done, 1 the step failed, 2 bad input)."""
    argv = (sys.argv[1:] if argv is None else argv) or ["--help"]
    step = argv[0] if argv[0] in STEPS else None
    try:
        args, module = _parsed(argv, step)
        if lock.VARIABLE in os.environ:
            lock.join_run(os.environ[lock.VARIABLE])
        module.run(args)
    except InputError as error:
        print(f"lad {step}: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # disk full, read-only results, missing file: the system's words suffice
        print(f"lad {step}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lad {step}: interrupted", file=sys.stderr)
        return 130
    except Exception:  # JAX starts with its first computation, anywhere in a step
        why = _why_jax_fails()
        if not why:
            raise
        print(f"lad {step}: error: {why}", file=sys.stderr)
        return 2
    return 0


def _parsed(argv: list[str], chosen: str | None) -> tuple[argparse.Namespace, ModuleType]:
    """Options of a step, and its module; no other step is imported."""
    parser = argparse.ArgumentParser(
        prog="lad",
        usage="lad STEP … or lad STEP --help",
        description="Every step of the study as a command. ./run runs them all, in order.",
        epilog=_listing() if chosen is None else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        dest="step", required=True, metavar="STEP", help=argparse.SUPPRESS, prog="lad"
    )
    if argv[0] not in (*STEPS, "-h", "--help"):
        from lad.settings import nearest  # which takes half a second

        parser.error(f"{argv[0]}: no such step{nearest(argv[0], STEPS)}; lad --help lists them")
    module = None
    for step in STEPS:
        command = commands.add_parser(step)
        if step == chosen:
            module = importlib.import_module(f"lad.steps.{_module(step)}")
            command.description = module.__doc__
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(command)
    return parser.parse_args(argv), module


if __name__ == "__main__":
    sys.exit(main())
