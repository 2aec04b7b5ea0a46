"""Which files of the package a step runs: a change of one of them makes its results again."""

import ast
import functools
import os
from pathlib import Path


@functools.cache
def code(step: str) -> list[str]:
    """The files of `lad` below the current folder that a step imports, directly or not."""
    files, todo = set(), [f"lad.steps.{step}"]
    while todo:
        name = todo.pop()
        path = name.replace(".", "/")
        file = next(filter(os.path.isfile, [f"{path}.py", f"{path}/__init__.py"]), None)
        if file and file not in files:
            files.add(file)
            todo += [name.rpartition(".")[0], *_imports(file)]  # a package runs before its modules
    return sorted(files)


@functools.cache  # many steps import it
def _imports(file: str) -> list[str]:
    """Modules that a file imports, and what it imports from them."""
    names = []
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == "lad"]
