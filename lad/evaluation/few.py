"""Studies of many sites show how scores spread over the sites; each site has a page of its own."""

from collections.abc import Iterable

FEW = 4  # sites that tables, figures and one page of at most 15 MB show one by one


def too_many(sites: Iterable[str]) -> bool:
    """Whether these are more sites than can be shown one by one."""
    return len(set(sites)) > FEW
