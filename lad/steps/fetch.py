"""Collect the archives of a tower: from folders, else by download."""

import argparse
import shutil
from contextlib import ExitStack
from pathlib import Path

from lad.errors import InputError
from lad.io import replacing, sha256, write_json
from lad.provenance import provenance
from lad.towers.archives import read_table
from lad.towers.fetch import BASE_URL, NotAvailable, download, find_archives, md5, missing_message
from lad.towers.sites import site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--site", required=True, metavar="ID", help="site id, for example US-CRT")
    parser.add_argument(
        "--sites", type=Path, metavar="CSV", help="site table instead of the one of the package"
    )
    parser.add_argument(
        "--archives",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders to look in, the first with a hit counts",
    )
    parser.add_argument(
        "--archive",
        action="append",
        metavar="NAME",
        help="name of an archive to take, may have * and ?; can be repeated, each has to be there",
    )
    parser.add_argument(
        "--base-url", default=BASE_URL, metavar="URL", help="download service, default %(default)s"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="gets archive/ and source.json"
    )


def run(args: argparse.Namespace) -> None:
    """Write output/archive/<name> and output/source.json."""
    place = site(args.site, args.sites)
    folder = args.output / "archive"
    found = find_archives(place.site_id, args.archives, args.archive)
    for path in found:
        read_table(path, place.site_id)  # refuses what is damaged or of another site
    with ExitStack() as copies:  # all get their names, or none
        for path in found:
            shutil.copyfile(path, copies.enter_context(replacing(folder / path.name)))
    origin = {folder / path.name: "folder" for path in found}
    if not found:
        try:
            origin = dict([download(place.site_id, folder, args.base_url, patterns=args.archive)])
        except NotAvailable as error:
            raise InputError(
                f"{missing_message(place.site_id, args.archives[0], args.archive)} ({error})"
            ) from None
    for path in set(folder.iterdir()) - set(origin):
        path.unlink()  # of an earlier choice
    archives = [
        {
            "name": path.name,
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
            "md5": md5(path),
            "origin": where,
        }
        for path, where in origin.items()
    ]
    source = {
        "site": place.site_id,
        "citation": place.citation,
        "archives": archives,
        "provenance": provenance({path.name: path for path in origin}, archive=args.archive),
    }
    write_json(args.output / "source.json", source)
    for path, where in origin.items():
        print(f"{place.site_id}: {path.name} from {found[0].parent if found else where}")
