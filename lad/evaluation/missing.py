"""Sites that the tables of a study lack because a step failed there."""

import argparse
from collections.abc import Sequence

from lad.errors import InputError


def add_missing_argument(parser: argparse.ArgumentParser) -> None:
    """The option that names such a site."""
    parser.add_argument(
        "--missing", action="append", default=[], metavar="SITE=WHY", help="a site that is not there, and why"
    )


def missing_lines(texts: Sequence[str]) -> list[str]:
    """`["US-Wkg=train failed", …]` as lines for readers; raises InputError on anything else."""
    lines = []
    for text in texts:
        site, _, why = text.partition("=")
        if not (site and why):
            raise InputError(f"--missing {text!r}: expected SITE=WHY")
        lines.append(f"{site}: {why}")
    return lines


def missing_note(texts: Sequence[str]) -> str:
    """The lines as the head of a Markdown file, nothing without any."""
    if not texts:
        return ""
    listed = "\n".join(f"- {line}" for line in missing_lines(texts))
    return f"**Sites are missing here:**\n\n{listed}\n\n"
