"""LaD, a differentiable land surface model, and its hybrid with neural flux laws.

Physics runs in double precision: the switch is set here, before anything imports JAX, so that no module can
forget it and the packages that do without JAX start without it. If it is off nonetheless, the model refuses to run.
"""

import importlib
import os
import sys
from typing import Any

os.environ["JAX_ENABLE_X64"] = "1"  # whatever the shell says
# Failed run-time checks inside a compiled solver become NaN, which every step tests for; a host callback
# would keep the program out of the persistent compilation cache.
os.environ.setdefault("EQX_ON_ERROR", "nan")
# XLA on a CPU starts every small operation of a time loop separately. LOOPS: a loop that touches fewer bytes in a turn
# is one machine function instead, ten to twenty times faster for a single series. FUSED: an operation may have many
# results. SEQUENTIAL: operations run one after the other. docs/model.md gives the gains. JAX reads this at its
# first computation.
LOOPS, FUSED = "xla_cpu_small_while_loop_byte_threshold", "xla_cpu_use_multi_output_fusion"
SEQUENTIAL = "xla_cpu_enable_concurrency_optimized_scheduler"
_flags = os.environ.get("XLA_FLAGS", "")
if LOOPS not in _flags:
    _flags += f" --xla_backend_extra_options={LOOPS}=1000000,{FUSED}"
if SEQUENTIAL not in _flags:
    _flags += f" --{SEQUENTIAL}=false"
os.environ["XLA_FLAGS"] = _flags.strip()
if "jax" in sys.modules:
    sys.modules["jax"].config.update("jax_enable_x64", True)

# Public names → the module that has them: imported at their first use, so that `import lad` stays fast.
PUBLIC = {
    "read_record": "lad.forcing",
    "read_site": "lad.training.sites",
    "learning_data": "lad.training.data",
    "parse_periods": "lad.periods",
    "read_periods": "lad.periods",
    "table_parameters": "lad.parameters",
    "Parameters": "lad.parameters",
    "Model": "lad.model",
    "simulate": "lad.simulation",
    "calibrate": "lad.training.calibration",
    "train": "lad.training.training",
    "evaluate": "lad.api",
    "compare": "lad.api",
    "load_model": "lad.training.files",
    "save_model": "lad.training.files",
}
__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'lad' has no attribute {name!r}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *PUBLIC])
