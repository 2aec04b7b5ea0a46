"""The towers of which folders hold archives, by the names of the files."""

from collections.abc import Iterable
from pathlib import Path

from lad.towers.archives import SITE_ID, is_archive


def sites_of(folders: Iterable[str | Path]) -> list[str]:
    """Identifiers of the towers that have an archive in any of `folders`, sorted; a folder may not exist."""
    names = {path.name for folder in folders for path in Path(folder).glob("*") if path.is_file()}
    return sorted(
        {site_id for name in names for site_id in SITE_ID.findall(name) if is_archive(name, site_id)}
    )
