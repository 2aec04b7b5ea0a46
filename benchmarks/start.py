"""Time from the start of a process to its first gradient: with an empty compilation cache, and with a filled one.

.venv/bin/python benchmarks/start.py
"""

import os
import subprocess
import sys
import tempfile

CHILD = """
import time; begin = time.perf_counter()
import equinox as eqx, jax, speed
imported = time.perf_counter()
case = next(case for case in speed.cases() if case.name == "network, 64 windows, gradient")
prepared = time.perf_counter()
traced = eqx.filter_jit(case.function).lower(*case.args)
lowered = time.perf_counter()
compiled = traced.compile()
ready = time.perf_counter()
jax.block_until_ready(compiled(*case.args))
times = begin, imported, prepared, lowered, ready, time.perf_counter()
print("", *(f"{b - a:.1f}" for a, b in zip(times, times[1:])), f"{times[-1] - begin:.1f}", "", sep=" | ")
"""


def main() -> None:
    """Print the table."""
    print("| | import s | data s | trace s | compile s | run s | all s |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "JAX_COMPILATION_CACHE_DIR": folder,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)),
        }
        for name in ("first process", "second process"):
            child = subprocess.run(
                [sys.executable, "-c", CHILD], env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            print(f"| {name}{child.stdout.rstrip()}", flush=True)


if __name__ == "__main__":
    main()
