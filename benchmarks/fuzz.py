"""Damage archives in all ways that come to mind, thousands of times: each must be refused in one line or read right.

    python benchmarks/fuzz.py --tries 3000 --seed 0

Prints how many were refused and how many read, by kind of damage, and stops at the first traceback or wrong number.
`tests/test_towers_fuzz.py` runs a few hundred of them.
"""

import argparse
import io
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from archives import crt_rows, product_rows, write_base, write_product

from lad.errors import InputError
from lad.progress import Progress
from lad.towers.record import Record, read_record
from lad.towers.sites import site

SITE = site("US-CRT")
DAYS = 12
Random = np.random.Generator
Damage = Callable[[bytes, str, Random], bytes]


def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _packed(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def on_table(change: Callable[[pd.DataFrame, Random], pd.DataFrame]) -> Damage:
    """Damage of the table's cells."""

    def damage(archive: bytes, table: str, random: Random) -> bytes:
        members = _members(archive)
        lines = members[table].decode().split("\n")
        comments = [line for line in lines if line.startswith("#")]
        frame = pd.read_csv(io.BytesIO(members[table]), comment="#", dtype=str)
        text = change(frame, random).to_csv(index=False)
        return _packed(members | {table: "\n".join([*comments, text]).encode()})

    return damage


def on_text(change: Callable[[bytes, Random], bytes]) -> Damage:
    """Damage of the table's text."""

    def damage(archive: bytes, table: str, random: Random) -> bytes:
        members = _members(archive)
        return _packed(members | {table: change(members[table], random)})

    return damage


def flipped(content: bytes, random: Random) -> bytes:
    """A few bytes with other values."""
    damaged = bytearray(content)
    for at in random.integers(0, len(content), random.integers(1, 20)):
        damaged[at] ^= int(random.integers(1, 256))
    return bytes(damaged)


def columns_renamed(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    """Two of the columns of the forcing with each other's name, which physics can distinguish."""
    names = [name for name in frame if name.split("_F")[0] in ("SW_IN", "TA", "PA", "P", "RH", "LW_IN")]
    names = [name for name in names if not name.endswith("_QC")]
    one, other = random.choice(names, 2, replace=False)
    return frame.rename(columns={one: other, other: one})


def shifted(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    """Time labels that are hours off."""
    hours = int(random.choice([-9, -6, -4, 4, 6, 9]))
    for label in ("TIMESTAMP_START", "TIMESTAMP_END"):
        times = pd.to_datetime(frame[label], format="%Y%m%d%H%M") + pd.Timedelta(hours=hours)
        frame[label] = times.dt.strftime("%Y%m%d%H%M")
    return frame


def units_changed(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    """One variable in another unit."""
    conversions = {"TA": (1, 273.15), "PA": (10, 0), "P": (1000, 0), "SW_IN": (4.6, 0), "LW_IN": (4.6, 0)}
    name = str(random.choice(list(conversions)))
    column = name if name in frame else f"{name}_F"
    factor, offset = conversions[name]
    number = frame[column].astype(float)
    frame[column] = number.where(number == -9999, number * factor + offset).astype(str)
    return frame


def cell(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    """One cell with something else in it."""
    words = [
        "",
        "NA",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "x",
        "--",
        "#REF!",
        "1,5",
        "0x10",
        "-9999",
        "1e30",
        "-1e30",
    ]
    at = (random.integers(len(frame)), random.integers(frame.shape[1]))
    frame.iloc[at] = str(random.choice(words))
    return frame


SOUND = {  # damage after which the values must still be right
    "columns in another order": on_table(lambda frame, random: frame[random.permutation(frame.columns)]),
    "byte order mark": on_text(lambda text, random: b"\xef\xbb\xbf" + text),
    "UTF-16": on_text(lambda text, random: text.decode().encode("utf-16")),
    "line ends of Windows": on_text(lambda text, random: text.replace(b"\n", b"\r\n")),
    "rows left out": on_table(
        lambda frame, random: frame.drop(
            index=random.choice(len(frame), random.integers(1, 40), replace=False)
        )
    ),
    "quoted": on_text(lambda text, random: text.replace(b"TIMESTAMP_START", b'"TIMESTAMP_START"')),
}
UNSOUND = {
    "truncated archive": lambda archive, table, random: archive[: random.integers(0, len(archive))],
    "bytes of the archive flipped": lambda archive, table, random: flipped(archive, random),
    "random bytes": lambda archive, table, random: random.bytes(random.integers(0, 5000)),
    "random bytes for the table": on_text(lambda text, random: random.bytes(random.integers(0, 5000))),
    "table cut off": on_text(lambda text, random: text[: random.integers(0, len(text))]),
    "rows in another order": on_table(lambda frame, random: frame.sample(frac=1, random_state=random)),
    "rows twice": on_table(
        lambda frame, random: pd.concat([frame, frame.sample(5, random_state=random)]).sort_values(
            "TIMESTAMP_START"
        )
    ),
    "cell": on_table(cell),
    "columns with each other's name": on_table(columns_renamed),
    "labels hours off": on_table(shifted),
    "other unit": on_table(units_changed),
    "semicolons": on_text(lambda text, random: text.replace(b",", b";")),
    "other site": lambda archive, table, random: _packed(
        {name.replace("US-CRT", "US-Tw3"): content for name, content in _members(archive).items()}
    ),
}
MUST_REFUSE = {
    "rows in another order",
    "rows twice",
    "labels hours off",
    "other unit",
    "semicolons",
    "other site",
    "columns with each other's name",
    "random bytes",
    "random bytes for the table",
}


def wrong_number(record: Record, true: Record) -> str:
    """Where a record has a value that the true one has not at that time, or nothing."""
    for name in record.values:
        if name not in true.values:
            return f"{name} is new"
        both = record.values[name].dropna()
        expected = true.values[name].reindex(both.index)
        differ = ~np.isclose(both, expected, rtol=1e-12, atol=0.0)
        if differ.any():
            at = int(np.argmax(differ))
            return f"{name} = {both.iloc[at]} at {both.index[at]}, expected {expected.iloc[at]}"
    return ""


def tries(count: int, seed: int, folder: Path):
    """(kind, outcome) of each try; raises AssertionError at the first that is neither refused nor right."""
    random = np.random.default_rng(seed)
    sources = [
        write_base(folder / "a", crt_rows(days=DAYS)),
        write_product(folder / "b", product_rows(days=DAYS)),
    ]
    true = [read_record(SITE, [path]) for path in sources]
    kinds = SOUND | UNSOUND
    for number in range(count):
        kind = list(kinds)[number % len(kinds)]
        which = int(random.integers(len(sources)))
        source = sources[which]
        table = next(name for name in _members(source.read_bytes()) if "_HH_" in name)
        path = folder / source.name
        path.write_bytes(kinds[kind](source.read_bytes(), table, random))
        try:
            record = read_record(SITE, [path])
        except InputError as error:
            message = str(error)
            assert "\n" not in message and path.name in message, f"{kind}, try {number}: {message!r}"
            assert kind not in SOUND, f"{kind}, try {number}: refused, {message}"
            yield kind, "refused"
            continue
        wrong = wrong_number(record, true[which])
        # A cell may hold another number than before; then it must be that one and no other.
        assert not wrong or kind == "cell", f"{kind}, try {number}: {wrong}"
        assert kind not in MUST_REFUSE, f"{kind}, try {number}: was read"
        yield kind, "read"


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    counts: Counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        progress = Progress("fuzz", args.tries)
        for number, outcome in enumerate(tries(args.tries, args.seed, Path(folder)), start=1):
            counts[outcome] += 1
            if number % 100 == 0:
                progress.update(number)
    for kind in SOUND | UNSOUND:
        print(f"{kind:32} refused {counts[kind, 'refused']:5} read right {counts[kind, 'read']:5}")


if __name__ == "__main__":
    main()
