"""Available towers in folders of archives and lists of the networks, and which of them suffice for a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lad.constants import DAY, L_VAPORISATION, YEAR
from lad.errors import InputError
from lad.mass_curve import ENOUGH, UNRECORDED
from lad.periods import ENOUGH_MEASURED, FEWEST_YEARS, usable_years
from lad.towers.archives import find_archives, left_out, sites_of
from lad.towers.coverage import coverage, daytime_fluxes, shares
from lad.towers.flags import MISSING, NOT_KNOWN, OWN_VALUES
from lad.towers.http import Client, NotAvailable, check_web
from lad.towers.metadata import find_site
from lad.towers.record import Record, read_record
from lad.towers.services import AMERIFLUX, Services, listed_sites, listed_snapshot
from lad.towers.variables import FORCING

LISTED = "site_id source name latitude longitude igbp years record verdict reason".split()
MOSTLY = 0.9  # share of own values below which a variable of the forcing is named


def in_folders(folders: Sequence[Path], sites: Path | None = None) -> Iterator[dict[str, Any]]:
    """A row of `LISTED` for each site with an archive in the folders; its coverage is printed.

    `sites` is a table of sites beside that of the package. Raises InputError for a missing folder or table.
    """
    for path in (*folders, *([sites] if sites else [])):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    for site_id in sites_of(folders):
        row = {"site_id": site_id, "source": "folder"}
        try:
            archives = find_archives(site_id, folders)
            if line := left_out(site_id, archives):
                print(line)
            record = read_record(find_site(site_id, archives, sites), archives)
        except InputError as error:
            yield row | {"verdict": "no", "reason": str(error)}
            continue
        by_year = coverage(record.values, record.flags)
        flags = record.flags.reindex(columns=[*FORCING, "Qle", "Qh"], fill_value=MISSING)
        print(f"{site_id}, {record.site.name}: {record.product}")
        print(f"% of the record\n{shares(flags).round().astype(int).to_string()}")
        print("% measured, or without a flag, by year (LE, H: of daylight)")
        print(by_year.fillna(0.0).round().astype(int).to_string(), end="\n\n")
        about = {name: getattr(record.site, name) for name in ("name", "latitude", "longitude", "igbp")}
        verdict, reason = judged(record)
        span = f"{by_year.columns[0]}-{by_year.columns[-1]}"
        yield row | about | {"years": span, "record": record.product, "verdict": verdict, "reason": reason}


def judged(record: Record) -> tuple[str, str]:
    """Whether a record suffices for a run, and why: whole years with LE and H, and what the tower did not measure."""
    measured = daytime_fluxes(record.values, record.flags)
    years = usable_years(record.time, record.step, record.segment, measured)
    good = sum(share >= ENOUGH_MEASURED for share in years.values())
    verdict = "yes" if good >= FEWEST_YEARS else "only with periods in the settings" if good else "no"
    listed = ", ".join(f"{period.first:%Y-%m} on: {share:.0%}" for period, share in years.items())
    reason = f"{good} of {len(years)} whole years have LE and H together in {ENOUGH_MEASURED:.0%} of daylight"
    reason += f" ({listed})" if listed else ""
    unknown = (record.flags[["Qle", "Qh"]] == NOT_KNOWN).mean().max()
    if unknown > 1.0 - MOSTLY:
        reason += f"; {unknown:.0%} of LE or H without a flag, perhaps filled"
    own = record.flags.reindex(columns=list(FORCING), fill_value=MISSING).isin(OWN_VALUES).mean()
    if filled := [f"{name} {share:.0%}" for name, share in own.items() if share < MOSTLY]:
        reason += f"; measured only in part: {', '.join(filled)}"
    if (excess := unrecorded_water(record)) > UNRECORDED:
        reason += f"; evaporation exceeds precipitation by {excess:.0f} mm a year"
        reason += ": the gauge fails, or water comes from elsewhere"
    return verdict, reason


def unrecorded_water(record: Record) -> float:
    """Evaporation less precipitation (mm a year) over the record, NaN if a month of the year lacks either.

    Missing values of LE come from the mean day of the month, because towers lose nights more often than days.
    """
    values = record.values.reindex(columns=["Precip", "Qle"])
    month = [values.index.year, values.index.month]
    of_hour = values.Qle.groupby([*month, values.index.time]).mean().groupby(level=[0, 1])
    latent_heat = of_hour.mean().where(of_hour.count() * record.step >= ENOUGH * DAY)
    fallen = values.Precip.groupby(month).mean()
    return (latent_heat / L_VAPORISATION - fallen).groupby(level=1).mean().reindex(range(1, 13)).mean(
        skipna=False
    ) * YEAR


def published(snapshot: Path | None, ameriflux: str | None, here: set[str]) -> Iterator[dict[str, Any]]:
    """A row of `LISTED` for each site of a `snapshot` of the FLUXNET shuttle and of the service `ameriflux`, if given.

    `here` are the sites in folders. Raises InputError if `snapshot` is no list, and if the service does not answer.
    """
    offered = [(snapshot.name, entry) for entry in listed_snapshot(snapshot)] if snapshot else []
    if ameriflux is not None:
        check_web(ameriflux, AMERIFLUX)
        try:
            offered += [("AmeriFlux", entry) for entry in listed_sites(Services(ameriflux), Client())]
        except NotAvailable as error:
            raise InputError(f"AmeriFlux: {error}") from None
    for source, entry in offered:
        years = entry["years"]
        verdict = "is in the folder" if entry["site_id"] in here else "not downloaded"
        span = f"{years[0]}-{years[-1]}" if years else ""
        yield entry | {"years": span, "source": source, "verdict": verdict}
