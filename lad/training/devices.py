"""Lanes over devices: each device holds and runs its own sites, all hold the weights."""

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from lad.errors import InputError

SITES = "sites"
BY_SITE, ALIKE = PartitionSpec(SITES), PartitionSpec()


def join() -> None:
    """Join the other processes of a Slurm step, if there are any, in one training (`jax.distributed`).

    To be called before anything is computed. On CPUs the processes exchange sums by Gloo.
    """
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) < 2:
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize()


def mesh(sites: int) -> Mesh:
    """All devices of all processes, in a row; with a single process at most `sites` of them."""
    devices = jax.devices()[: sites if jax.process_count() == 1 else None]
    return jax.make_mesh((len(devices),), (SITES,), axis_types=(AxisType.Auto,), devices=devices)


def put(tree, mesh: Mesh):
    """Arrays with a leading axis of sites, the same in each process, distributed over the devices."""
    return jax.device_put(tree, NamedSharding(mesh, BY_SITE))


def everywhere(tree, mesh: Mesh):
    """Arrays in the memory of each process, whatever devices hold their parts."""
    return jax.device_get(_copying(mesh)(tree))


@functools.cache
def _copying(mesh: Mesh) -> Callable:
    return jax.jit(lambda x: x, out_shardings=NamedSharding(mesh, ALIKE))


def over_sites(mesh: Mesh, inputs, outputs) -> Callable:
    """Decorator: each device runs a function on its own sites, as the specs `inputs` and `outputs` say."""
    return functools.partial(jax.shard_map, mesh=mesh, in_specs=inputs, out_specs=outputs, check_vma=False)


def at_once() -> bool:
    """Whether the sites of a device run side by side: not on a CPU, where a loop over one series is faster."""
    return jax.default_backend() != "cpu"


def each(function: Callable, arrays):
    """`function` of the items along the first axis, all `at_once` or one after the other."""
    return jax.vmap(function)(arrays) if at_once() else jax.lax.map(function, arrays)


def check_alike(path: Path) -> None:
    """Raise InputError unless all processes see the same checkpoint, or none, at `path`, to resume from it."""
    seen = path.read_bytes() if path.exists() else b""
    mine = np.frombuffer(hashlib.sha256(seen).digest(), dtype=np.uint8)
    if (multihost_utils.process_allgather(mine) != mine).any():
        raise InputError(f"{path}: differs between nodes, expected one file; try again when all see the same")
