"""Collecting archives: from folders, and from a server that speaks the protocols of the download services."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from archives import CRT, alma_pair, crt_rows, product_rows, write_base, write_product, write_zip
from service import CITATION, Fault, Service

from lad.cli import main
from lad.errors import InputError
from lad.io import read_json
from lad.towers.archives import find_archives, missing_message
from lad.towers.fetch import citations, obtain, source_file
from lad.towers.forcing import read_lai
from lad.towers.http import Client
from lad.towers.services import Services, account_from, snapshot

NAME = "AMF_US-CRT_FLUXNET_2011-2013_v1.3_r1.zip"
OLD = "AMF_US-CRT_FLUXNET_FULLSET_2011-2013_3-5.zip"


def new_product(folder: Path, days: int = 3, site: str = "US-CRT", step: str = "HH") -> bytes:
    """Archive with the members of the new products, metadata with a byte that is no UTF-8 among them."""
    stem = f"AMF_{site}_FLUXNET"
    bif = b"SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE\nUS-CRT,1,GRP_X,COMMENT,5 \xb5m\n"
    path = write_zip(
        folder / NAME,
        {
            f"{stem}_FLUXMET_{step}_2011-2013_v1.3_r1.csv": product_rows(days=days).to_csv(index=False),
            f"{stem}_FLUXMET_DD_2011-2013_v1.3_r1.csv": "TIMESTAMP,TA_F\n20130101,1\n",
            f"{stem}_BIF_2011-2013_v1.3_r1.csv": bif,
            f"{stem}_BIFVARINFO_{step}_2011-2013_v1.3_r1.csv": bif,
            "README.txt": "read me",
        },
    )
    return path.read_bytes()


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    return new_product(tmp_path_factory.mktemp("product"))


@pytest.fixture
def service(product):
    server = Service({NAME: product})
    yield server
    server.shutdown()
    server.server_close()


def services(service, **changes) -> Services:
    """All services on one server."""
    return Services(**{"ameriflux": service.url, "plumber2": f"{service.url}thredds/"} | changes)


def get(service, folder, site="US-CRT", patterns=None, **changes) -> list[Path]:
    return obtain(
        site, folder, services(service, **changes), patterns, Client(pause=0.0), say=lambda text: None
    )


def test_download_as_the_protocol_says(service, tmp_path):
    (path,) = get(service, tmp_path)
    assert path.name == NAME and path.read_bytes() == service.files[NAME]
    manifest, cited, file = service.requests
    assert (manifest.method, manifest.path) == ("POST", "/api/v2/amf_shuttle_data_files_and_manifest")
    assert manifest.headers["Content-Type"] == "application/json"
    assert manifest.headers["User-Agent"].startswith("lad ")
    assert manifest.body == (
        b'{"user_id": "fluxnetshuttle", "data_product": "FLUXNET", "data_variant": "FULLSET",'
        b' "site_ids": ["US-CRT"]}'
    )
    assert (cited.path, cited.body) == ("/api/v2/citations/FLUXNET", b'{"site_ids": ["US-CRT"]}')
    assert (file.method, file.path) == ("GET", f"/files/{NAME}?=user")
    assert {child.name for child in tmp_path.iterdir()} == {NAME, f"{NAME}.source.json"}
    stated = read_json(source_file(path))
    assert stated.keys() == {"service", "url", "citation", "date"}
    assert stated["url"] == service.link.format(NAME) and stated["citation"] == CITATION


def test_product_of_the_old_name_is_taken_and_an_hourly_one(service, tmp_path):
    service.files = {OLD: write_product(tmp_path / "a", product_rows(days=3)).read_bytes()}
    service.offered = [OLD]
    assert [path.name for path in get(service, tmp_path / "b")] == [OLD]
    rows = product_rows(days=4)
    starts = rows["TIMESTAMP_START"][::2].to_numpy()
    hourly = rows.iloc[::2].assign(TIMESTAMP_START=starts, TIMESTAMP_END=[*starts[1:], "201306050000"])
    service.files = {OLD: write_product(tmp_path / "c", hourly, step="HR").read_bytes()}
    assert [path.name for path in get(service, tmp_path / "d")] == [OLD]


TEMPORARY = [
    [Fault(500)],
    [Fault(503), Fault(500)],
    [Fault(200, 1000), Fault(500)],
    [Fault(200, 0), Fault(200, 999)],
]


def test_empty_checksums_and_other_files_in_the_manifest(service, tmp_path):
    other = {"site_id": "US-CRT", "url": service.link.format("AMF_US-CRT_BIF_1.xlsx"), "download_size": 1}
    ours = {
        "site_id": "US-CRT",
        "url": service.link.format(NAME),
        "download_size": None,
        "download_checksum": "",
    }
    service.manifest = json.dumps({"data_urls": [other, ours]})
    assert [path.name for path in get(service, tmp_path)] == [NAME]


@pytest.mark.parametrize("faults", TEMPORARY)
@pytest.mark.parametrize("ranges", [True, False])
def test_temporary_faults_are_tried_again(service, tmp_path, faults, ranges):
    service.faults, service.ranges = list(faults), ranges
    (path,) = get(service, tmp_path)
    assert path.read_bytes() == service.files[NAME]
    assert len(service.asked("/files/")) == 1 + len(faults)


@pytest.mark.parametrize("status", [429, 503])
def test_pause_that_the_server_asks_for_is_kept(service, tmp_path, status):
    service.faults = [Fault(status, after="1")]
    start = time.monotonic()
    assert get(service, tmp_path) and time.monotonic() - start >= 1.0


def test_broken_transfer_is_resumed_by_a_later_run(service, tmp_path):
    service.faults = [Fault(200, 1000)] * 3
    with pytest.raises(InputError, match="connection broken"):
        get(service, tmp_path)
    (part,) = tmp_path.iterdir()  # hidden, and not of a name that is taken for an archive
    assert part.stat().st_size == 3000 and find_archives("US-CRT", [tmp_path]) == []
    (path,) = get(service, tmp_path)
    assert service.requests[-1].headers["Range"] == "bytes=3000-"
    assert path.read_bytes() == service.files[NAME] and not part.exists()


def test_rest_of_another_version_is_not_glued_together(service, tmp_path):
    service.faults = [Fault(200, 1000)] * 3
    with pytest.raises(InputError):
        get(service, tmp_path)
    service.files[NAME] = new_product(tmp_path / "new", days=4)
    (path,) = get(service, tmp_path)
    assert path.read_bytes() == service.files[NAME]


def test_killed_process_leaves_nothing_that_counts_and_its_transfer_goes_on(service, tmp_path):
    big = write_zip(tmp_path / "big.zip", {NAME.replace(".zip", ".txt"): os.urandom(30_000_000).hex()})
    service.files[NAME] = big.read_bytes()
    service.faults = [Fault(200, len(service.files[NAME]) // 2)]
    service.cuts.clear()
    folder, out = tmp_path / "archives", tmp_path / "out"
    command = ["fetch", "--site", "US-CRT", "--archives", str(folder), "--output", str(out)]
    command += ["--ameriflux", service.url, "--plumber2", service.url]
    process = subprocess.Popen([sys.executable, "-m", "lad.cli", *command])
    part = folder / f".{NAME.removesuffix('.zip')}.part.zip"
    until = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 1 << 20) and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    service.cuts.set()
    there = part.stat().st_size
    assert 0 < there < len(service.files[NAME])
    assert [path.name for path in folder.iterdir()] == [part.name] and not out.exists()
    with pytest.raises(InputError, match="no half-hourly or hourly tables"):  # whole now, but no product
        get(service, folder)
    assert service.requests[-1].headers.get("Range") or service.asked(f"{NAME}")[-2].headers["Range"]
    assert not list(folder.iterdir())


def refused(service, tmp_path, **changes) -> str:
    folder = tmp_path / "archives"
    with pytest.raises(InputError) as caught:
        get(service, folder, **changes)
    assert not list(folder.glob("*.zip")) and "\n" not in str(caught.value)
    for words in ("US-CRT: no archive found", str(folder), "AMF_US-CRT_FLUXNET_*.zip", "PLUMBER2: "):
        assert words in str(caught.value)
    return str(caught.value)


def test_wrong_checksum_and_size(service, tmp_path):
    service.checksums[NAME] = "0" * 32
    assert "MD5" in refused(service, tmp_path)
    service.sizes[NAME] = 77
    assert "expected 77" in refused(service, tmp_path)


def test_login_page_instead_of_the_archive(service, tmp_path):
    service.files[NAME] = b"<html>please log in</html>"
    assert "is no ZIP archive, it begins with b'<html>" in refused(service, tmp_path)


def test_member_that_is_damaged_although_the_checksum_is_right(service, tmp_path):
    body = bytearray(service.files[NAME])
    body[body.index(b"README.txt") + 12] ^= 0xFF  # not the table, which is read anyway
    service.files[NAME] = bytes(body)
    assert f"{NAME}: damaged" in refused(service, tmp_path)


def test_site_that_nobody_has(service, tmp_path):
    service.offered = []
    printed = refused(service, tmp_path)
    assert "AmeriFlux has no archive of this site" in printed and "PLUMBER2 has no such site" in printed


@pytest.mark.parametrize("reply", ["<html>hello</html>", "[]", '{"data_urls": [{"site_id": "US-CRT"}]}'])
def test_reply_that_is_no_manifest(service, tmp_path, reply):
    service.manifest = reply
    assert "sent no manifest" in refused(service, tmp_path)


ODD = [
    Path(__file__).as_uri(),
    "http://127.0.0.1/../../evil.zip",
    "http://127.0.0.1/AMF_US-Tw3_FLUXNET_x.zip",
    f"http://[half/{NAME}",
    NAME,
]


@pytest.mark.parametrize("link", ODD)
def test_offer_of_something_else(service, tmp_path, link):
    service.link = link
    assert "offers" in refused(service, tmp_path)


def test_page_that_is_missing_is_not_asked_again(service, tmp_path):
    del service.files[NAME]
    service.offered, service.manifest = (
        [],
        json.dumps({"data_urls": [{"site_id": "US-CRT", "url": service.link.format(NAME)}]}),
    )
    assert "answers 404" in refused(service, tmp_path)
    assert len(service.asked("/files/")) == 1


def test_archive_that_does_not_fit_the_names_asked_for_is_not_fetched(service, tmp_path):
    with pytest.raises(InputError, match=rf"offers {NAME} instead of \*_2050_\*"):
        get(service, tmp_path, patterns=["*_2050_*"])
    assert not service.asked("/files/")


@pytest.mark.parametrize("url", ["foo", "file:" + NAME, "http://", "http://[half", "http://here:port/"])
def test_address_of_no_service_is_one_line(tmp_path, capsys, url):
    arguments = ["fetch", "--site", "US-CRT", "--archives", str(tmp_path / "none"), "--ameriflux", url]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{url!r}: expected an address like https://" in error


def shuttle_list(folder, service, site="US-CRT") -> Path:
    """A list of the FLUXNET shuttle; names of sites and citations have commas."""
    path = folder / "snapshot.csv"
    name, link = NAME.replace("US-CRT", site).replace("AMF", "ICOSETC"), "{}licence_accept?ids=%5B%22{}%22%5D"
    path.write_text(
        "data_hub,site_id,site_name,location_lat,location_long,igbp,first_year,last_year,download_link,"
        "fluxnet_product_name,product_citation\n"
        f'AmeriFlux,CA-Gro,"Ontario, Boreal Forest",48.2,-82.1,MF,2003,2014,{service.url}x,'
        'AMF_CA-Gro_FLUXNET_2003-2014_v1.3_r1.zip,"A, B"\n'
        f'ICOS,{site},"A field, somewhere",41.6,-83.3,CRO,2011,2013,{link.format(service.url, name)},{name},"C, D"\n',
        encoding="utf-8",
    )
    return path


def test_snapshot_and_the_licence_page_of_icos(service, tmp_path):
    name = NAME.replace("AMF", "ICOSETC")
    service.files, service.offered = {name: service.files[NAME]}, []
    (path,) = get(service, tmp_path / "archives", snapshot=shuttle_list(tmp_path, service))
    assert path.name == name and read_json(source_file(path))["citation"] == "C, D"
    assert "CpLicenseAcceptedFor" in service.requests[-1].headers["Cookie"]


def test_real_lists_of_the_shuttle(shared):
    names = ("CA-Gro", "US-xRM", "FI-Hyy", "AU-Lox", "US-Ha1")  # commas, hourly ones, ICOS and TERN
    for path in sorted((shared / "fluxprep/vectors/snapshots").glob("*_2026-0[68]-*.csv")):
        for name in names:
            (offer,) = snapshot(name, path)
            assert offer.name.endswith(".zip") and name in offer.name and offer.citation


def test_snapshot_that_is_none(service, tmp_path):
    service.offered = []
    for content, words in (
        (None, "no such file"),
        ("site_id\nUS-CRT\n", "no columns site_id, download_link"),
    ):
        path = tmp_path / "list.csv"
        if content:
            path.write_text(content)
        with pytest.raises(InputError, match=words):
            get(service, tmp_path / "archives", snapshot=path)


ME = ("me", "me@example.org")


def test_account_asks_for_one_product_after_the_other(service, tmp_path):
    service.offered, service.for_account = [], {"BASE-BADM": [CRT.name]}
    service.files[CRT.name] = CRT.read_bytes()
    (path,) = get(service, tmp_path, account=ME)
    assert path.read_bytes() == CRT.read_bytes()
    asked = [(request.path, json.loads(request.body)) for request in service.asked("/data_download")]
    assert [(path, body["data_product"]) for path, body in asked] == [
        ("/api/v2/data_download", "FLUXNET"),
        ("/api/v1/data_download", "FLUXNET"),
        ("/api/v1/data_download", "FLUXNET2015"),
        ("/api/v2/data_download", "BASE-BADM"),
    ]
    for path, body in asked:
        assert body.keys() >= {"user_id", "user_email", "data_policy", "intended_use", "description"}
        assert body.get("agree_policy", False) is ("v1" in path)
    service.for_account = {"FLUXNET": [OLD], "BASE-BADM": [CRT.name]}
    service.files[OLD] = write_product(tmp_path / "made", product_rows(days=3)).read_bytes()
    assert [path.name for path in get(service, tmp_path / "b", account=ME)] == [OLD]
    names = [path.name for path in get(service, tmp_path / "c", patterns=["*BASE*"], account=ME)]
    assert names == [CRT.name]  # the settings ask for it
    service.for_account = {}
    assert "is AMERIFLUX_USER_ID a registered name?" in refused(service, tmp_path / "d", account=ME)


def test_newest_of_several_versions_is_downloaded(service, tmp_path):
    names = [f"AMF_US-CRT_BASE-BADM_{version}.zip" for version in ("9-5", "19-5", "3-5")]
    service.offered, service.for_account = [], {"BASE-BADM": names}
    service.files |= dict.fromkeys(names, CRT.read_bytes())
    assert [path.name for path in get(service, tmp_path, account=ME)] == [names[1]]


MANIFEST = "/api/v2/amf_shuttle_data_files_and_manifest"


@pytest.mark.parametrize("status", [200, 403, 404, 410])
def test_service_that_is_gone_is_passed_over_in_one_line(service, tmp_path, status):
    service.gone = dict.fromkeys((MANIFEST, "/api/v2/data_download"), status)
    service.for_account = {"FLUXNET": [NAME]}
    said = []
    (path,) = obtain("US-CRT", tmp_path, services(service, account=ME), client=Client(0.0), say=said.append)
    assert path.name == NAME and service.requests[-1].path.startswith("/files/")
    assert len(said) == 2 and said[0].startswith("US-CRT: AmeriFlux: ")
    assert ("sent no manifest but b'<html>" if status == 200 else f"answers {status}") in said[0]
    assert said[1].endswith("from AmeriFlux account, FLUXNET")
    service.gone |= {"/thredds/catalog/ks32/CLEX_Data/PLUMBER2/v1-0/Met/catalog.xml": status}
    printed = refused(service, tmp_path / "none")
    assert ("sends no catalogue" if status == 200 else f"catalog.xml answers {status}") in printed


def test_link_of_a_list_that_is_gone_is_passed_over(service, tmp_path):
    pair = alma_pair(tmp_path / "made")
    service.files, service.offered = {path.name: path.read_bytes() for path in pair}, []
    paths = get(service, tmp_path / "archives", snapshot=shuttle_list(tmp_path, service))
    assert {path.name for path in paths} == {path.name for path in pair}


def test_half_a_pair_does_not_stay(service, tmp_path):
    met, flux = alma_pair(tmp_path / "made")
    service.files, service.offered = {met.name: met.read_bytes(), flux.name: b"<html>"}, []
    assert "is no netCDF file" in refused(service, tmp_path)
    assert not list((tmp_path / "archives").iterdir())


def test_use_is_counted_only_if_the_settings_say_so(service, tmp_path):
    get(service, tmp_path / "a")
    assert not service.asked("log_shuttle")
    get(service, tmp_path / "b", notify=True)
    (request,) = service.asked("log_shuttle")
    assert json.loads(request.body).items() >= {"user_id": "fluxnetshuttle", "zip_filenames": [NAME]}.items()
    service.gone = {"/api/v2/log_shuttle_data_request": 404}
    assert get(service, tmp_path / "c", notify=True)  # no reason to fail


def test_account_is_named_by_the_environment_alone():
    assert account_from({"AMERIFLUX_USER_ID": "me"}) is None
    assert account_from({"AMERIFLUX_USER_ID": "me", "AMERIFLUX_USER_EMAIL": "m@x"}) == ("me", "m@x")


def test_pair_of_plumber2(service, tmp_path):
    pair = alma_pair(tmp_path / "made")
    service.files, service.offered = {path.name: path.read_bytes() for path in pair}, []
    paths = get(service, tmp_path / "archives")
    assert {path.name for path in paths} == {path.name for path in pair}
    assert "10.25914" in read_json(source_file(paths[0]))["citation"]
    assert find_archives("US-CRT", [tmp_path / "archives"]) == sorted(paths)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def offline() -> list[str]:
    """Options that name a service which does not answer."""
    nobody = f"http://127.0.0.1:{closed_port()}/"
    return ["--ameriflux", nobody, "--plumber2", nobody]


def test_step_without_connection_reports_what_to_put_where(tmp_path, capsys):
    folder = tmp_path / "archives"
    arguments = ["fetch", "--site", "US-Wkg", "--archives", str(folder), "--output", str(tmp_path / "out")]
    assert main([*arguments, *offline()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for words in ("US-Wkg", "AMF_US-Wkg_FLUXNET_*.zip", str(folder), "no connection"):
        assert words in error


def test_step_downloads_into_the_folder_and_never_twice(service, tmp_path):
    folder, out = tmp_path / "archives", tmp_path / "out"
    arguments = ["fetch", "--site", "US-CRT", "--archives", str(folder), "--output", str(out)]
    arguments += ["--ameriflux", service.url, "--plumber2", service.url]
    assert main(arguments) == 0
    assert [path.name for path in (out / "archive").iterdir()] == [NAME]
    source = read_json(out / "source.json")
    (archive,) = source["archives"]
    assert archive["url"] == service.link.format(NAME) and archive["date"].startswith("20")
    assert archive["md5"] == hashlib.md5(service.files[NAME]).hexdigest()
    assert source["citation"] == CITATION
    asked, text = len(service.requests), (out / "source.json").read_bytes()
    shutil.rmtree(out)
    assert main(arguments) == 0
    assert len(service.requests) == asked and (out / "source.json").read_bytes() == text
    assert citations([source]).startswith(f"US-CRT: {CITATION}\n  {NAME} (sha256 {archive['sha256']}), http")


def test_step_copies_what_a_folder_has(tmp_path):
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    rows = crt_rows(days=4)
    write_base(first, rows, site="US-Tw3")
    one, two = second / "US-CRT_tower_1.csv", second / "US-CRT_tower_2.csv"
    second.mkdir()
    for path, part in ((one, rows[:96]), (two, rows[96:])):
        part.to_csv(path, index=False)
    folders = [str(first), str(tmp_path / "none"), str(second)]
    arguments = ["fetch", "--site", "US-CRT", "--archives", *folders, "--output", str(out)]
    assert main(arguments) == 0
    assert sorted(path.name for path in (out / "archive").iterdir()) == [one.name, two.name]
    source = read_json(out / "source.json")
    assert source["site"] == "US-CRT"
    assert "10.17190/AMF/1246156" in source["citation"]
    assert source["archives"][0]["sha256"] == hashlib.sha256(one.read_bytes()).hexdigest()
    assert source["archives"][0]["bytes"] == one.stat().st_size
    assert source["provenance"]["inputs"][two.name]["sha256"] == source["archives"][1]["sha256"]
    assert source["provenance"]["code"].keys() == {"lad", "git", "sha256"}
    text = (out / "source.json").read_bytes()
    assert str(tmp_path).encode() not in text
    assert main(arguments) == 0
    assert (out / "source.json").read_bytes() == text
    assert main([*arguments, "--archive", "*_2.csv"]) == 0
    assert [path.name for path in (out / "archive").iterdir()] == [two.name]


def test_step_refuses_a_damaged_archive_of_a_folder(tmp_path, capsys):
    path = write_base(tmp_path, crt_rows(days=4))
    path.write_bytes(path.read_bytes()[:5000])
    arguments = ["fetch", "--site", "US-CRT", "--archives", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert path.name in capsys.readouterr().err


def test_step_copies_all_archives_or_none(tmp_path, capsys, monkeypatch):
    rows, out = crt_rows(days=4), tmp_path / "out"
    whole, other = (write_base(tmp_path / "archives", rows, version=version) for version in ("1-1", "2-1"))
    arguments = ["fetch", "--site", "US-CRT", "--archives", str(whole.parent), "--output", str(out)]
    arguments += ["--archive", "*_1-1.zip", "--archive", "*_2-1.zip"]
    copy = shutil.copyfile

    def full(source, target):
        if Path(source) == other:
            raise OSError("no space left")
        copy(source, target)

    with monkeypatch.context() as disk:
        disk.setattr(shutil, "copyfile", full)
        assert main(arguments) == 1
    assert not list((out / "archive").iterdir())
    assert main(arguments) == 0
    made = {path.name: path.read_bytes() for path in (out / "archive").iterdir()}
    other.write_bytes(other.read_bytes()[:5000])
    whole.write_bytes(write_base(tmp_path / "new", rows[:48], version="1-1").read_bytes())
    assert main(arguments) == 2
    assert other.name in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (out / "archive").iterdir()} == made


PAPER = ["AMF_US-Me2_FLUXNET_FULLSET_2002-2007_*.zip", "AMF_US-Me2_FLUXNET_FULLSET_2005-2020_*.zip"]


def test_every_name_asked_for_has_to_be_there(tmp_path, capsys):
    arguments = ["fetch", "--site", "US-Me2", "--archives", str(tmp_path), "--output", str(tmp_path / "out")]
    arguments += [*offline(), *[f"--archive={pattern}" for pattern in PAPER]]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert f"no archive {PAPER[0]} and no {PAPER[1]} found" in error
    assert f"folder {tmp_path} (" in error
    assert "BASE" not in error and "_FLUXNET_*" not in error  # names that would not help
    (tmp_path / PAPER[1].replace("*", "3-5")).write_text("-")
    assert find_archives("US-Me2", [tmp_path], PAPER) == []
    assert main(arguments) == 2
    assert f"US-Me2: no archive {PAPER[0]} found;" in capsys.readouterr().err
    assert not (tmp_path / "out" / "archive").exists()


def test_finding_archives_by_name(tmp_path):
    bif = "AMF_US-CRT_BIF_20231107.csv"
    unpacked = "AMF_US-CRT_BASE_HH_3-5.csv"
    names = [CRT.name, NAME, bif, unpacked, "AMF_US-CRTx_BASE-BADM_1-1.zip", "US-CRT_lai.csv", "a.txt"]
    for name in names:
        (tmp_path / name).write_text("-")
    folders = [tmp_path / "none", tmp_path]
    assert [path.name for path in find_archives("US-CRT", folders)] == [NAME, bif]
    assert [path.name for path in find_archives("US-CRT", folders, ["*BASE*"])] == [CRT.name, unpacked, bif]
    assert find_archives("US-Me2", [tmp_path]) == []
    assert find_archives("US-CRT", [tmp_path], ["*FLUXNET*", "*_2050_*"]) == []  # not a part of the record
    assert "AMF_US-Me2_BASE-BADM_*.zip" in missing_message("US-Me2", "archives")


def test_step_prints_what_it_leaves_out_and_names_that_are_not_known(tmp_path, capsys):
    rows = crt_rows(days=4)
    new, old = (write_base(tmp_path / "archives", rows, version=version) for version in ("19-5", "9-5"))
    (tmp_path / "archives/Copy of AMF_US-CRT_BASE-BADM_3-5.zip").touch()
    (tmp_path / "archives/2025_ICOSETC_US-CRT_ARCHIVE_L2.zip").touch()
    arguments = [
        "fetch",
        "--site",
        "US-CRT",
        "--archives",
        str(new.parent),
        "--output",
        str(tmp_path / "out"),
    ]
    assert main(arguments) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "2025_ICOSETC_US-CRT_ARCHIVE_L2.zip: not the name of an archive, expected ICOSETC_US-CRT_ARCHIVE_L2.zip",
        "Copy of AMF_US-CRT_BASE-BADM_3-5.zip: not the name of an archive, expected AMF_US-CRT_BASE-BADM_3-5.zip",
        f"US-CRT: takes {new.name}, leaves out {old.name} (not the newest version)",
        f"US-CRT: {new.name} from {new.parent}",
    ]
    assert main(["sites", "--archives", str(new.parent)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert set(printed[:3]) <= set(listed)
    new.unlink()
    old.unlink()
    assert main(["sites", "--archives", str(new.parent)]) == 2
    assert main([*arguments, *offline()]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(printed[0] in line and printed[1] in line for line in lines)


def test_check_live_reports_each_service(service, tmp_path, capsys):
    pair = alma_pair(tmp_path / "made")
    me2 = NAME.replace("US-CRT", "US-Me2")
    service.files |= {path.name: path.read_bytes() for path in pair} | {me2: b""}
    service.offered.append(me2)
    arguments = ["check-live", "--ameriflux", service.url, "--plumber2", f"{service.url}thredds/"]
    arguments += ["--site", "US-CRT", "--plumber2-site", "US-CRT"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4 and all(line.startswith("ok ") for line in printed)
    service.offered.remove(me2)
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert "FAILED  AmeriFlux, manifest of US-Me2" in out and "1 of 4 checks failed" in error


def test_list_of_nothing_is_refused(tmp_path, capsys):
    """A mistyped folder is no empty list."""
    for path, printed in ((tmp_path / "nope", "no such file or folder"), (tmp_path, "no tower archive")):
        assert main(["sites", "--archives", str(path)]) == 2
        assert capsys.readouterr().err == f"lad sites: error: {path}: {printed}\n"
    assert main(["sites", "--archives", str(tmp_path), "--sites", str(tmp_path / "mine.csv")]) == 2
    assert "mine.csv: no such file or folder" in capsys.readouterr().err


def test_list_of_the_network(service, tmp_path, capsys):
    write_base(tmp_path / "here", crt_rows(days=4))
    output = tmp_path / "list.csv"
    arguments = ["sites", "--network", "--ameriflux", service.url, "--archives", str(tmp_path / "here")]
    snapshot = ["--snapshot", str(shuttle_list(tmp_path, service, "US-Abc"))]
    assert main([*arguments, *snapshot, "--output", str(output)]) == 0
    lines = output.read_text().splitlines()
    assert lines[0] == "site_id,source,name,latitude,longitude,igbp,years,record,verdict,reason"
    assert lines[1].startswith("US-CRT,folder,Curtice") and "0 of 0 whole years" in lines[1]
    assert '"Ontario - Groundhog River, Boreal Mixedwood Forest"' in "".join(lines)
    assert any(line.startswith("US-CRT,AmeriFlux") and line.endswith("is in the folder,") for line in lines)
    assert any(line.startswith("US-Abc,snapshot.csv") and "2011-2013" in line for line in lines)
    assert not any("US-Nil" in line for line in lines)


def test_empty_archive_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / NAME).touch()
    fetch = ["fetch", "--site", "US-CRT", "--archives", str(tmp_path), "--output", str(tmp_path / "out")]
    for command in (["sites", "--archives", str(tmp_path)], fetch):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and f"{NAME}: is empty (0 bytes)" in error


def test_product_that_is_not_supported_is_named(tmp_path, capsys):
    name = "FLX_US-CRT_FLUXNET-CH4_2014-2017_1-1.zip"
    (tmp_path / name).write_text("-")
    assert main(["sites", "--archives", str(tmp_path)]) == 2
    assert f"{name}: is of FLUXNET-CH4, a product that is not supported" in capsys.readouterr().err


DATES = [f"2012-{day:%m-%d}" for day in pd.date_range("2012-01-01", periods=23, freq="4D")]


def modis_pages(service, quality):
    """The service of leaf area: 5 x 5 pixels, 1.0 at the rim, 2.0 about the tower; `quality` by date of all pixels."""
    pixels = np.full((5, 5), 10)
    pixels[1:4, 1:4] = 20

    def subset(query):
        assert (query["latitude"], query["longitude"]) == ("41.6285", "-83.3471")
        names = [f"A2012{date:03d}" for date in range(1, 93, 4)]
        first, last = names.index(query["startDate"]), names.index(query["endDate"])
        assert last - first < 10, "more than the service gives at once"
        layers = []
        for name, date in list(zip(names, DATES, strict=True))[first : last + 1]:
            for band, data in (("Lai_500m", pixels), ("FparLai_QC", np.full((5, 5), quality.get(date, 0)))):
                layers.append(
                    {"modis_date": name, "calendar_date": date, "band": band, "data": data.ravel().tolist()}
                )
        return {"nrows": 5, "ncols": 5, "subset": layers}

    listed = [
        {"modis_date": f"A2012{day:03d}", "calendar_date": date}
        for day, date in zip(range(1, 93, 4), DATES, strict=True)
    ]
    root = "/rst/api/v1/MCD15A3H/"
    service.pages = {f"{root}dates": lambda _: {"dates": listed}, f"{root}subset": subset}
    return f"{service.url}rst/api/v1/"


def lai_command(folder, url):
    """Arguments that fetch the archive of US-CRT from the folder, and leaf area from `url`."""
    shutil.copy(CRT, folder)
    options = ["--archives", str(folder), "--lai", "--modis", url, "--output", str(folder / "out")]
    return ["fetch", "--site", "US-CRT", *options]


def test_leaf_area_is_the_mean_of_good_pixels_about_the_tower(service, tmp_path, capsys):
    """Clouds (bits 3, 4), the empirical algorithm (bits 5 to 7), bad quality (bit 0): left out. Saturation: kept."""
    bad = dict(zip(DATES, (0b00001000, 0b01000000, 0b1, 0b100), strict=False))
    url = modis_pages(service, bad | {DATES[5]: 0b00100000, DATES[6]: 0b00011000})
    assert main(lai_command(tmp_path, url)) == 0
    path = tmp_path / "lai" / "US-CRT_MCD15A3H_lai.csv"
    assert f"{path}: LAI on 19 dates, 2012-01-17 to 2012-03-29" in capsys.readouterr().out
    assert pd.read_csv(path).to_dict("list") == {"date": DATES[4:], "lai": [2.0] * 19, "valid": [9] * 19}
    assert (read_lai(path) == 2.0).all()


def test_leaf_area_that_cannot_be_had_is_one_line(service, tmp_path, capsys):
    url = modis_pages(service, dict.fromkeys(DATES, 1))
    command = lai_command(tmp_path, url)
    assert main(command) == 2
    service.pages = dict.fromkeys(service.pages, lambda _: {"error": "no"})
    assert main(command) == 2
    service.pages = {}
    assert main(command) == 2
    errors = capsys.readouterr().err.splitlines()
    expected = (
        "has no valid pixel at 41.6285, -83.3471",
        "does not answer as its documentation",
        "answers 404",
    )
    found = [line for line in errors if line.startswith("lad fetch: ")]
    assert len(found) == 3 and all(text in line for text, line in zip(expected, found, strict=True))
    assert not (tmp_path / "lai").exists()
