"""Collect the archives of a tower: from folders, else by download into the first of them."""

import argparse
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

from lad.errors import InputError
from lad.io import replacing, sha256, write_json
from lad.provenance import provenance
from lad.towers.archives import find_archives, is_metadata, left_out, unknown_names
from lad.towers.arguments import add_service_arguments, add_site_arguments, services_from
from lad.towers.fetch import obtain, record_of
from lad.towers.metadata import known
from lad.towers.readers import read_archive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    add_site_arguments(parser)
    parser.add_argument(
        "--archives",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders to look in, the first with a hit counts; the first of all gets what is downloaded",
    )
    parser.add_argument(
        "--archive",
        action="append",
        metavar="NAME",
        help="name of an archive to take, may have * and ?; can be repeated, each has to be there",
    )
    add_service_arguments(parser)
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="gets archive/ and source.json"
    )


def run(args: argparse.Namespace) -> None:
    """Write output/archive/<name> and output/source.json."""
    found = find_archives(args.site, args.archives, args.archive)
    if not found:
        obtain(args.site, args.archives[0], services_from(args, os.environ), args.archive)
        found = find_archives(args.site, args.archives, args.archive)
    for line in unknown_names(found[0].parent, args.site):
        print(line)
    if not args.archive and (line := left_out(args.site, found)):
        print(line)
    for path in found:
        if not is_metadata(path.name, args.site):
            read_archive(path, args.site)  # refuses what is damaged or of another site
    folder, archives = args.output / "archive", []
    with ExitStack() as copies:  # all are whole before one gets its name
        for path in found:
            copy = copies.enter_context(replacing(folder / path.name))
            shutil.copyfile(path, copy)
            archives.append(record_of(path))
            if sha256(copy) != archives[-1]["sha256"]:
                raise InputError(f"{path}: changed while it was copied; run again when it is whole")
    chosen = [folder / path.name for path in found]
    for path in set(folder.iterdir()) - set(chosen):
        path.unlink()  # of an earlier choice
    cells, _ = known(args.site, chosen, args.sites)
    stated = [archive["citation"] for archive in archives if archive["citation"]]
    source = {
        "site": args.site,
        "citation": "; ".join(dict.fromkeys(stated)) or cells.get("citation", ""),
        "archives": archives,
        "provenance": provenance({path.name: path for path in chosen}, archive=args.archive),
    }
    write_json(args.output / "source.json", source)
    for archive in archives:
        print(f"{args.site}: {archive['name']} from {archive['url'] or found[0].parent}")
