"""Quality flags: other vocabularies to ours, as the file explains them; and values computed by formulas."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lad.constants import DAY
from lad.towers.flags import (
    CLIMATOLOGY,
    DERIVED,
    GOOD,
    INTERPOLATED,
    MEASURED,
    MISSING,
    NOT_KNOWN,
    POOR,
    REANALYSIS,
    SYNTHESISED,
)
from lad.towers.meteorology import vapour_pressure

# PLUMBER2's, for files that explain nothing: 0 measured, 1 to 3 filled well, medium and poorly, then others.
PLUMBER2 = {0: MEASURED, 1: GOOD, 2: REANALYSIS, 3: POOR, 4: REANALYSIS, 5: CLIMATOLOGY, 101: DERIVED}
QC_OK = {1: MEASURED, 0: POOR}  # of the flags that PALS calls qcOK
# Words of explanations. What was filled is not measured, however good; the first match in `HOW` counts.
NOT_FILLED = r"\b(no|not|non|un|without|never) ?(been )?(gap ?)?(fill|model|interpol)\w*"
FILLED = r"fill|\bgap|model|simulat|estimat|\bera(\d|\b)|reanaly|climatol|interpol|synthe|post ?process|deriv"
HOW = {
    r"\bera(\d|\b)|merra|ncep|reanaly": REANALYSIS,
    r"climatol|statistic|diurnal": CLIMATOLOGY,
    r"linear|interpol": INTERPOLATED,
    r"synthe|empiric": SYNTHESISED,
    r"post ?process|deriv|comput": DERIVED,
    r"poor|\blow|\bbad\b": POOR,
    r"medium|moderate": REANALYSIS,
    r"good|high": GOOD,
    "": POOR,
}
UNUSED = (
    r"missing|absent|no data|not available|reject|fail|invalid|\berr|spike|remov|exclu|range|wrong|\bbad\b"
)
DOUBTED = r"\b(not?|non|un|never) ?(measure|observ|origin|ok|good|valid)|poor|suspect|doubt|question|\blow\b|unknown"
DOUBTED += "|medium|moderate"
SENSED = r"measure|observ|original|\braw\b|\bobs\b"
PRAISED = r"\bok\b|\bokay\b|good|\bbest\b|\bvalid|\breal\b|accepted|\bhigh"
NUMBER = re.compile(r"(?<![\w.])(?<!\w-)([-+]?\d+)(?:\.0+)?(?![\w%]|\.\d)")
NAMED = r"qc|flag|quality"  # names of attributes that may explain flags
BLOCK, FEWEST_DAYS = 30, 10  # days that are judged together, and how many of them must have values
# Departure (standard deviation) from a smooth function of the air, below which values were not measured. Measured
# months of six towers depart by 7 W m-2 and 6 Pa at least, formulas by 0.8 W m-2 and 0.5 Pa at most.
FORMULAS = {"LWdown": (("Tair", "VPD"), 1.5, "W m-2"), "Psurf": (("Tair",), 4.0, "Pa")}


def meaning(words: str) -> int | None:
    """Our flag for the words that explain another, None if they are unclear."""
    words = re.sub(NOT_FILLED, " original ", re.sub(r"[\s_-]+", " ", words.lower()))
    if re.search(r"%|percent|fraction|share", words):  # of the values of an interval
        return None
    if re.search(FILLED, words):
        return next(flag for pattern, flag in HOW.items() if re.search(pattern, words))
    kinds = {UNUSED: MISSING, DOUBTED: POOR, f"{SENSED}|{PRAISED}": MEASURED}
    return next((flag for pattern, flag in kinds.items() if re.search(pattern, words)), None)


def pairs(text: str) -> list[tuple[int, str]]:
    """Numbers and the words that explain them, of texts like "Measured: 0, 10, Filled: 1-3" or "0 ok; 1 filled"."""
    aside = re.sub(r"\([^()]*[^\W\d][^()]*\)", " ", text)
    plain = re.sub(r"[(){}\[\]\"']", " ", aside if NUMBER.search(aside) else text)
    plain = re.sub(r"(?<![\w.-])(\d+)\s*(?:-|–|\.\.+|\bto\b)\s*(\d+)(?![\w.])", _spelled_out, plain)
    found = [match for match in NUMBER.finditer(plain) if not 1900 <= int(match[1]) <= 2100]  # years
    edges = [0, *(edge for match in found for edge in match.span()), len(plain)]
    between = [plain[first:last] for first, last in zip(edges[::2], edges[1::2], strict=True)]
    groups: list[list[int]] = []  # positions of numbers with nothing between them
    for k in range(len(found)):
        if groups and not _says(between[k]):
            groups[-1].append(k)
        else:
            groups.append([k])
    before = [between[group[0]] for group in groups]
    after = [between[group[-1] + 1] for group in groups]
    if not groups or not _says(before[0]):  # nothing before the first number: words follow numbers
        is_before = False
    elif not _says(after[-1]):
        is_before = True
    else:  # words all around: the side that means more, else that of the colons
        known = [sum(meaning(words) is not None for words in side) for side in (before, after)]
        colons = all(re.search(r"[:=]\s*$", words) for words in before)
        is_before = known[0] > known[1] or (known[0] == known[1] and colons)
    sides = before if is_before else after
    return [(int(found[k][1]), words) for group, words in zip(groups, sides, strict=True) for k in group]


def _says(words: str) -> bool:
    return re.search(r"[^\W\d]|\?", words) is not None


def _spelled_out(match: re.Match) -> str:
    first, last = map(int, match.groups())
    return ", ".join(map(str, range(first, last + 1))) if first < last <= first + 999 else match[0]


def _explained(attrs: Mapping[str, Any], pattern: str) -> list[tuple[int, str]] | None:
    """Numbers and their words from attributes whose names match `pattern`; None if nothing there explains flags."""
    texts = {
        key: str(text)
        for key, text in attrs.items()
        if isinstance(text, str) and re.search(pattern, key.lower())
    }
    meanings, values = texts.pop("flag_meanings", ""), attrs.get("flag_values")
    if meanings and not NUMBER.search(meanings) and values is not None:
        numbers = (
            re.sub(r"(?<=\d)[a-zA-Z]+", "", values)
            if isinstance(values, str)
            else " ".join(map(str, np.ravel(values)))
        )
        listed = [int(number) for number in NUMBER.findall(numbers)]
        for separator in (",", ";", None):
            words = meanings.split(separator)
            if len(words) == len(listed):
                return list(zip(listed, words, strict=True))
        return []
    found = [pairs(text) for text in (meanings, *texts.values()) if text]
    known = [sum(meaning(words) is not None for _, words in listed) for listed in found]
    if any(known):
        return found[known.index(max(known))]
    return (
        []
        if meanings or "flag_masks" in attrs or (any("flag" in key for key in texts) and any(found))
        else None
    )


def vocabulary(sources: Sequence[Mapping[str, Any]], name: str) -> dict[int, int] | None:
    """Numbers of the flag variable `name` that the file explains: theirs to ours; None if it explains nothing.

    `sources` are the attributes of the flags, of the flagged variable, and of the file. If some numbers mean measured,
    values whose number only means good ("good quality") were filled.
    """
    patterns = ("", NAMED, NAMED)
    explained = (_explained(attrs, pattern) for attrs, pattern in zip(sources, patterns, strict=True))
    listed = next((found for found in explained if found is not None), None)
    if listed is None:
        return QC_OK if name.lower().endswith("qcok") else None
    sensed = any(meaning(words) == MEASURED and re.search(SENSED, words.lower()) for _, words in listed)
    result: dict[int, int] = {}
    for number, words in listed:
        flag = meaning(words)
        if flag == MEASURED and sensed and not re.search(SENSED, words.lower()):
            flag = GOOD
        if flag is not None:
            result[number] = max(flag, result.get(number, flag))
    return result


def translate(stated: np.ndarray, known: Mapping[int, int], there: np.ndarray) -> tuple[np.ndarray, str]:
    """Our flags for theirs (n,), and the unexplained numbers of values that are `there` (n,), in words.

    These count as filled poorly. If all numbers are missing, all flags are not known.
    """
    if np.isnan(stated).all():
        return np.full(len(stated), NOT_KNOWN), ""
    flags = np.select([stated == number for number in known], list(known.values()), POOR)
    odd = stated[there & ~np.isin(stated, list(known))]
    numbers, counts = np.unique(odd, return_counts=True)  # NaN are one number
    listed = [
        f"{'none' if np.isnan(n) else f'{n:g}'} ({count})" for n, count in zip(numbers, counts, strict=True)
    ]
    return flags, ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")


def synthetic(
    values: Mapping[str, np.ndarray], flags: Mapping[str, np.ndarray], step: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """`flags` (n,) in which computed LWdown and Psurf are synthesised, and a line on each of them.

    Data sources fill LWdown by functions of temperature and humidity, Psurf by functions of elevation and temperature.
    The values (n,), SI at every `step` s, show it: in blocks of a month they depart from a smooth function of Tair and
    VPD, or of Tair, by less than `FORMULAS`. Blocks with values for less than `FEWEST_DAYS` days are not judged.
    """
    found, remarks = dict(flags), []
    for name, (inputs, most, units) in FORMULAS.items():
        if not {name, *inputs} <= values.keys():
            continue
        value, *air = (np.asarray(values[key], dtype=float) for key in (name, *inputs))
        known = np.isfinite(value) & np.isfinite(air).all(axis=0)
        marked = np.zeros(len(value), dtype=bool)
        for rows in np.array_split(np.arange(len(value)), max(1, round(len(value) * step / DAY / BLOCK))):
            used = rows[known[rows]]
            if (
                len(used) * step >= FEWEST_DAYS * DAY
                and _departure(value[used], *(a[used] for a in air)) < most
            ):
                marked[rows] = np.isfinite(value[rows])
        if marked.any():
            found[name] = np.where(marked, SYNTHESISED, found[name])
            share = marked.sum() / np.isfinite(value).sum()
            remarks.append(
                f"{name}: {share:.0%} of the values follow from {' and '.join(inputs)} within {most:g} {units}, as "
                "no sensor's do; they count as synthesised"
            )
    return found, remarks


def _departure(value: np.ndarray, tair: np.ndarray, vpd: np.ndarray | None = None) -> float:
    """Standard deviation of a series (n,) about the best smooth function of the air's temperature and humidity."""
    warm = (tair - 280.0) / 10.0
    shapes = [np.ones_like(warm), warm, warm**2]
    if vpd is not None:
        e = vapour_pressure(tair, vpd)
        shapes += [e / 1000.0, np.log(e), warm * np.log(e)]
    table = np.stack(shapes, axis=1)
    return float(np.std(value - table @ np.linalg.lstsq(table, value, rcond=None)[0]))
