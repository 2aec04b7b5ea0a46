"""Progress of long work: one line that is updated on a terminal, plain lines now and then elsewhere."""

import sys
import time
from collections.abc import Mapping

WIDTH = 20  # characters of the bar
# CPU seconds of the long steps, between those of the short demo and of the study `paper` (docs/scaling.md).
LONG = {"calibrate": 160, "train": 120, "simulate": 15, "simulate_bulk": 10, "figures": 30, "left_out": 1750}
LONG |= {"train_multi_site": 80, "fine_tune": 130, "evaluate_multi_site": 110}
LONG |= {"train_through": 75, "daemons": 60, "landscape": 340, "solvers": 1200}
OTHER = 12  # CPU seconds of any other step
FACTOR = 2.5  # to either side: the settings and the length of the record matter too


def usual_time(steps: Mapping[str, int], cores: int) -> str:
    """About how long so many of each step take on so many cores, in words."""
    total = sum(number * LONG.get(step, OTHER) for step, number in steps.items())
    # However many cores there are, the long steps of a site follow each other.
    chain = sum(LONG[step] for step in steps if step in LONG)
    minutes = max(total / cores, chain) / 60
    low, high = (float(f"{value:.1g}") for value in (minutes / FACTOR, minutes * FACTOR))
    if high <= 2:
        return "a minute or two"
    unit, of = (60, "hours") if low >= 60 else (1, "minutes")
    return f"usually {max(low / unit, 1):.0f} to {high / unit:.0f} {of} on {cores} core{'s' * (cores > 1)}"


class Progress:
    """Counts to `total`, and prints rate and remaining time on standard error."""

    def __init__(self, label: str, total: int, done: int = 0, every: float = 10.0):
        """`done` of `total` steps are finished already (a resumed run); off a terminal, a line every `every` s."""
        self.label, self.total, self.first, self.every = label, total, done, every
        self.start = self.last = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def update(self, done: int, text: str = "", ends: bool = False) -> None:
        """Report that `done` steps are finished, and whether it `ends` with them; `text` is appended (loss, score)."""
        now = time.monotonic()
        finished = ends or done >= self.total
        if not (self.terminal or finished or now - self.last >= self.every):
            return
        self.last = now
        elapsed = now - self.start
        rate = (done - self.first) / elapsed if elapsed > 0 else 0.0
        if ends and done < self.total:
            left = "ended early"
        elif rate > 0:
            left = f"{(self.total - done) / rate:.0f} s left"
        else:
            left = "…"
        bar = ""
        if self.terminal:
            full = WIDTH * done // self.total
            bar = f"[{'#' * full}{'.' * (WIDTH - full)}] "
        line = f"{self.label}: {bar}{done}/{self.total}  {rate:.2f}/s  {left}  {text}"
        end = "\n" if finished or not self.terminal else "\r"
        sys.stderr.write(("\x1b[K" if self.terminal else "") + line + end)
        sys.stderr.flush()
