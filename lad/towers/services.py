"""Where the networks offer the archives of a site. Facts of the protocols: docs/towers.md, Download.

Each function asks one service and returns its offers, or raises NotAvailable with the reason.
"""

import csv
import json
import xml.etree.ElementTree as xml
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from lad.errors import InputError
from lad.towers.archives import choose, expected, is_archive
from lad.towers.http import Client, NotAvailable, is_web

AMERIFLUX = "https://amfcdn.lbl.gov/"
PLUMBER2 = "https://thredds.nci.org.au/thredds/"
# The service asks for a user; this is the one that it gives to programs without an account.
USER = "fluxnetshuttle"
PLUMBER2_CITATION = (
    "Ukkola, A. (2020): PLUMBER2: forcing and evaluation datasets for a model intercomparison project for land surface "
    "models. v1.0. NCI National Research Data Collection, https://doi.org/10.25914/5fdb0902607e1"
)
# Products requested with an account, in this order: the paths to try, first to last.
ACCOUNT_PRODUCTS = {
    "FLUXNET": ("api/v2/data_download", "api/v1/data_download"),
    "FLUXNET2015": ("api/v1/data_download",),
    "BASE-BADM": ("api/v2/data_download", "api/v1/data_download"),
}
PURPOSE = "Hybrid land surface model driven by and compared with the tower"


@dataclass(frozen=True)
class Offer:
    """One file of a service; size in bytes and MD5 where it states them."""

    service: str
    url: str
    name: str
    size: int | None = None
    md5: str | None = None
    citation: str = ""


@dataclass(frozen=True)
class Services:
    """Addresses of the services; `snapshot` is a list of the FLUXNET shuttle, `account` user and e-mail.

    With `notify` AmeriFlux gets the names of the archives downloaded from its open service.
    """

    ameriflux: str = AMERIFLUX
    user: str = USER
    snapshot: str | Path | None = None
    plumber2: str = PLUMBER2
    account: tuple[str, str] | None = None
    notify: bool = False

    def in_turn(self) -> dict[str, Callable[[Client, str], list[Offer]]]:
        """Functions (client, site id) that ask for the archives of a site, by name, first to last."""
        asked = {"AmeriFlux": partial(open_ameriflux, self)}
        if self.snapshot:
            asked["snapshot"] = lambda client, site_id: snapshot(site_id, self.snapshot)
        for product in ACCOUNT_PRODUCTS if self.account else ():
            asked[f"account, {product}"] = partial(account_ameriflux, self, product)
        return asked | {"PLUMBER2": partial(plumber2, self)}


def account_from(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """User and e-mail of an AmeriFlux account; only environment variables hold them."""
    user, email = (environment.get(f"AMERIFLUX_USER_{part}", "") for part in ("ID", "EMAIL"))
    return (user, email) if user and email else None


def open_ameriflux(services: Services, client: Client, site_id: str) -> list[Offer]:
    """FLUXNET archive of a site from the open service of AmeriFlux, with its citation where it is known."""
    query = {"user_id": services.user, "data_product": "FLUXNET", "data_variant": "FULLSET"}
    address = urljoin(services.ameriflux, "api/v2/amf_shuttle_data_files_and_manifest")
    reply = client.read(address, query | {"site_ids": [site_id]})
    offers = _offers("AmeriFlux", reply, site_id, address)
    try:
        reply = client.read(urljoin(services.ameriflux, "api/v2/citations/FLUXNET"), {"site_ids": [site_id]})
        stated = json.loads(reply)["values"]
        citation = str(next(entry["citation"] for entry in stated if entry["site_id"] == site_id))
    except (NotAvailable, ValueError, KeyError, TypeError, StopIteration):
        return offers
    return [replace(offer, citation=citation) for offer in offers]


def log_request(services: Services, client: Client, names: Sequence[str]) -> None:
    """Let AmeriFlux count the use of its open service: which archives were downloaded; it need not answer."""
    query = {"user_id": services.user, "zip_filenames": list(names), "intended_use": "model"}
    try:
        address = urljoin(services.ameriflux, "api/v2/log_shuttle_data_request")
        client.read(address, query | {"description": PURPOSE})
    except NotAvailable:
        pass


def account_ameriflux(services: Services, product: str, client: Client, site_id: str) -> list[Offer]:
    """Archive of a site for a registered user of AmeriFlux: one of `ACCOUNT_PRODUCTS`."""
    query = {
        **dict(zip(("user_id", "user_email"), services.account, strict=True)),
        "data_policy": "CCBY4.0",
        "data_product": product,
        "data_variant": "FULLSET",
        "site_ids": [site_id],
        "intended_use": "model",
        "description": PURPOSE,
    }
    failures = []
    for path in ACCOUNT_PRODUCTS[product]:
        address = urljoin(services.ameriflux, path)
        body = query | ({"agree_policy": True} if "v1" in path else {})
        try:
            return _offers(f"AmeriFlux account, {product}", client.read(address, body), site_id, address)
        except NotAvailable as error:
            failures.append(str(error))
    raise NotAvailable(f"{'; '.join(dict.fromkeys(failures))} (is AMERIFLUX_USER_ID a registered name?)")


def snapshot(site_id: str, path: str | Path) -> list[Offer]:
    """Archive of a site from a list of the FLUXNET shuttle (ICOS, TERN and others); raises InputError if it is none."""
    path = Path(path)
    for row in _snapshot_rows(path):
        if row["site_id"] == site_id:
            offer = Offer(
                f"FLUXNET shuttle list {path.name}, {row.get('data_hub', '')}",
                row["download_link"],
                row["fluxnet_product_name"],
                citation=row.get("product_citation") or "",
            )
            return [_checked(offer, site_id, str(path))]
    raise NotAvailable(f"{path.name} has no such site")


def _snapshot_rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a list of the FLUXNET shuttle ({error})") from None
    if rows and not {"site_id", "download_link", "fluxnet_product_name"} <= rows[0].keys():
        raise InputError(f"{path}: no columns site_id, download_link, fluxnet_product_name")
    return rows


def plumber2(services: Services, client: Client, site_id: str) -> list[Offer]:
    """Met and Flux file of a site from PLUMBER2 (FLUXNET2015, La Thuile and OzFlux towers until 2018)."""
    offers = []
    for kind in ("Met", "Flux"):
        address = urljoin(services.plumber2, f"catalog/ks32/CLEX_Data/PLUMBER2/v1-0/{kind}/catalog.xml")
        try:
            catalogue = xml.fromstring(client.read(address))
        except xml.ParseError:
            catalogue = None
        if catalogue is None or not catalogue.tag.endswith("catalog"):
            raise NotAvailable(f"{address} sends no catalogue")
        paths = [element.get("urlPath", "") for element in catalogue.iter()]
        found = [path for path in paths if path.rpartition("/")[2].startswith(f"{site_id}_")]
        if not found:
            raise NotAvailable("PLUMBER2 has no such site")
        name = found[0].rpartition("/")[2]
        url = urljoin(services.plumber2, f"fileServer/{found[0]}")
        offers.append(_checked(Offer("PLUMBER2", url, name, citation=PLUMBER2_CITATION), site_id, address))
    return offers


def listed_sites(services: Services, client: Client) -> list[dict[str, Any]]:
    """Sites with a published FLUXNET product at AmeriFlux: id, name, position, IGBP class, years."""
    address = urljoin(services.ameriflux, "api/v2/site_info_display/AmeriFlux")
    try:
        values = json.loads(client.read(address))["values"]
        return [
            {
                "site_id": entry["site_id"],
                "name": entry["site_name"],
                "latitude": entry["grp_location"]["location_lat"],
                "longitude": entry["grp_location"]["location_long"],
                "igbp": (entry.get("grp_igbp") or {}).get("igbp", ""),
                "years": sorted(map(int, entry["grp_publish_fluxnet"])),
            }
            for entry in values
            if entry.get("grp_publish_fluxnet")
        ]
    except (ValueError, KeyError, TypeError):
        raise NotAvailable(f"{address} sends no list of sites") from None


def listed_snapshot(path: str | Path) -> list[dict[str, Any]]:
    """Sites of a list of the FLUXNET shuttle, as `listed_sites`."""
    columns = {"name": "site_name", "latitude": "location_lat", "longitude": "location_long", "igbp": "igbp"}
    return [
        {name: row.get(column, "") for name, column in ({"site_id": "site_id"} | columns).items()}
        | {
            "years": [
                int(year) for year in (row.get("first_year"), row.get("last_year")) if (year or "").isdigit()
            ]
        }
        for row in _snapshot_rows(Path(path))
    ]


def _offers(service: str, reply: bytes, site_id: str, address: str) -> list[Offer]:
    """The archive in the reply of a download service of AmeriFlux; only the open one states size and MD5."""
    offers = []
    try:
        for entry in json.loads(reply)["data_urls"]:
            url, size, md5 = str(entry["url"]), entry.get("download_size"), entry.get("download_checksum")
            if entry.get("site_id", site_id) == site_id:
                name = urlsplit(url).path.rpartition("/")[2] if is_web(url) else ""
                md5 = str(md5).lower() if md5 else None
                offers.append(Offer(service, url, name, int(size) if size else None, md5))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotAvailable(f"{address} sent no manifest but {reply[:40]!r}") from None
    if not offers:
        raise NotAvailable(f"{service} has no archive of this site")
    best, _ = choose([offer.name for offer in offers], site_id)
    fitting = [offer for offer in offers if offer.name in best]
    return [_checked((fitting or offers)[0], site_id, address)]


def _checked(offer: Offer, site_id: str, address: str) -> Offer:
    if not is_web(offer.url) or not is_archive(offer.name, site_id):
        raise NotAvailable(f"{address} offers {offer.url!r} as {offer.name!r}, {expected(site_id)}")
    return offer


def described(offers: Sequence[Offer]) -> str:
    """Names of the files of some offers."""
    return " and ".join(offer.name for offer in offers)
