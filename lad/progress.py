"""Progress of long work: one line that is updated on a terminal, plain lines now and then elsewhere."""

import sys
import time

WIDTH = 20  # characters of the bar


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
