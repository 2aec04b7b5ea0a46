"""Checkpoints of a search: a line of JSON, whose it is and what it has told so far, and arrays after it."""

import json
import sys
from pathlib import Path
from typing import Any

import equinox as eqx

from lad.learn.files import write_arrays


def save(path: Path, fingerprint: str, history: list, arrays: Any) -> None:
    """Write `history` (JSON) and `arrays`, a tree, of the search `fingerprint`."""
    write_arrays(path, {"fingerprint": fingerprint, "history": history}, arrays)


def resume(path: Path, fingerprint: str, fresh: Any) -> tuple[list, Any]:
    """History and arrays at `path`; none and `fresh`, of the same structure, if it is absent or of another search.

    A damaged file counts as absent, which is told on stderr.
    """
    if not path.exists():
        return [], fresh
    try:
        with open(path, "rb") as file:
            header = json.loads(file.readline())
            if header["fingerprint"] != fingerprint:
                return [], fresh
            return header["history"], eqx.tree_deserialise_leaves(file, fresh)
    except Exception as error:  # a damaged file makes the modules below raise whatever they like
        print(f"{path}: damaged ({type(error).__name__}), the search begins anew", file=sys.stderr)
        return [], fresh
