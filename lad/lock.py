"""One run at a time in a folder, and no step that outlives its run.

The locks are the kernel's: they end with the process that holds them, however it ends, and nothing has to be unlocked
after a `kill -9`. A run holds one for itself; its steps share another, for which the next run waits.
"""

import errno
import fcntl
import os
import platform
import select
import threading
from pathlib import Path
from typing import IO

from lad.errors import InputError

RUN, STEPS = Path(".snakemake/run.lock"), Path(".snakemake/steps.lock")
VARIABLE = "LAD_RUN"  # names a step's run, as `this_run`
SENT_BY = "LAD_SENT_BY"  # names the run that sent a cluster job (itself a run to its steps)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # then runs cannot detect each other
_held: list[IO] = []  # open, and so locked, until this process ends


def this_run() -> str:
    """A name that no other process has, on any node of a cluster."""
    return f"{os.getpid()} on {platform.node()}"


def begin_run() -> bool:
    """Lock the current folder for this process; wait until the steps of a run that was killed have ended.

    Returns whether it is locked: False on a file system without locks. Raises InputError if another run is at work
    there.
    """
    run = _opened(RUN)
    try:
        locked = _lock(run, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"another run is at work in this folder ({run.read().strip() or 'it has just begun'}): "
            "wait for its end, or stop it with Ctrl-C where it was started"
        ) from None
    run.truncate(0)
    run.write(_run_line(this_run()))
    run.flush()
    os.fsync(run.fileno())  # for jobs on other nodes, which read it while it is open here
    _held.append(run)
    with _opened(STEPS) as steps:
        try:
            _lock(steps, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for the steps of a run that was killed …", flush=True)
            _lock(steps, fcntl.LOCK_EX)
    return locked


def join_from_afar(name: str) -> None:
    """Make the run after `name` (`this_run`), the one that sent this cluster job, wait for this process.

    Raises InputError if that next run has begun: it sends its own jobs, and this one would write into their results.
    """
    _share_steps()
    with _opened(RUN) as run:
        now = run.read()
    if now != _run_line(name):
        raise InputError(f"another run has begun in this folder ({now.strip()}) since {name} sent this job")


def join_run(name: str) -> None:
    """Make this process a step of the run `name` (`this_run`): the next run waits for it, and it ends with its run.

    On another node it does not notice the end of its run.
    """
    _share_steps()
    process, _, node = name.partition(" on ")
    if node != platform.node():
        return
    try:
        run = os.pidfd_open(int(process))
    except ProcessLookupError:
        os._exit(1)
    except OSError:  # a kernel before Linux 5.3 does not support this
        return
    if _ended(run, timeout=0):
        os._exit(1)
    threading.Thread(target=lambda: _ended(run) and os._exit(1), daemon=True).start()


def _run_line(run: str) -> str:
    """What the file `RUN` holds."""
    return f"process {run}\n"


def _share_steps() -> None:
    steps = _opened(STEPS)
    _lock(steps, fcntl.LOCK_SH)
    _held.append(steps)


def _opened(path: Path) -> IO:
    path.parent.mkdir(exist_ok=True)
    file = open(path, "a+", encoding="utf-8")
    file.seek(0)
    return file


def _lock(file: IO, how: int) -> bool:
    """Whether files can be locked; with LOCK_NB raises BlockingIOError if another process holds the lock."""
    try:
        fcntl.flock(file, how)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True


def _ended(process: int, timeout: float | None = None) -> bool:
    """Whether the process of this descriptor has ended; waits for that, at most `timeout` s if given."""
    return bool(select.select([process], [], [], timeout)[0])
