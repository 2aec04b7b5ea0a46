"""Collecting archives: from folders, and from a server that speaks the protocol of the download service."""

import hashlib
import json
import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from archives import CRT, crt_rows, product_rows, write_base, write_product

from lad.cli import main
from lad.errors import InputError
from lad.io import read_json
from lad.towers.fetch import NotAvailable, download, find_archives, missing_message

NAME = "AMF_US-CRT_FLUXNET_2011-2013_v1.3_r1.zip"


class Service(ThreadingHTTPServer):
    """Answers the manifest request and serves one file; `faults` are answers given instead, first to last."""

    def __init__(self, body: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.requests, self.faults = body, [], []
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.offer = {
            "site_id": "US-CRT",
            "url": f"{self.url}files/{NAME}?=user",
            "download_size": len(body),
            "download_checksum": hashlib.md5(body).hexdigest(),
        }
        self.manifest = json.dumps({"data_urls": [self.offer], "manifest": []})


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.server.requests.append(
            ("POST", self.path, dict(self.headers), json.loads(self.rfile.read(length)))
        )
        self.answer(self.server.manifest.encode(), "application/json")

    def do_GET(self):
        self.server.requests.append(("GET", self.path, dict(self.headers), None))
        self.answer(self.server.body, "application/zip")

    def answer(self, body, kind):
        status, sent = self.server.faults.pop(0) if self.server.faults else (200, len(body))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    return write_product(tmp_path_factory.mktemp("product"), product_rows(days=3)).read_bytes()


@pytest.fixture
def service(product):
    server = Service(product)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_download_as_the_protocol_says(service, tmp_path):
    path, origin = download("US-CRT", tmp_path, service.url, pause=0)
    assert path.name == NAME
    assert path.read_bytes() == service.body
    assert origin == service.offer["url"]
    (post, address, headers, body), (get, file, *_) = service.requests
    assert (post, address) == ("POST", "/api/v2/amf_shuttle_data_files_and_manifest")
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("lad ")
    assert body["site_ids"] == ["US-CRT"]
    assert (body["data_product"], body["data_variant"]) == ("FLUXNET", "FULLSET")
    assert (get, file) == ("GET", f"/files/{NAME}?=user")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("faults", [[(500, 0)], [(503, 0), (500, 0)], [(200, 1000), (500, 0)]])
def test_passing_faults_are_tried_again(service, tmp_path, faults):
    service.faults += [(200, 10**9), *faults]
    path, _ = download("US-CRT", tmp_path, service.url, pause=0)
    assert path.read_bytes() == service.body
    assert len(service.requests) == 2 + len(faults)


def fail(service, tmp_path, error=InputError):
    with pytest.raises(error) as caught:
        download("US-CRT", tmp_path, service.url, pause=0)
    assert not list(tmp_path.iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_wrong_checksum(service, tmp_path):
    service.manifest = service.manifest.replace(service.offer["download_checksum"], "0" * 32)
    assert "MD5" in fail(service, tmp_path)


def test_wrong_size(service, tmp_path):
    service.manifest = service.manifest.replace(str(len(service.body)), "77")
    assert "expected 77" in fail(service, tmp_path)


def test_body_that_stays_truncated(service, tmp_path):
    service.faults += [(200, 10**9)] + [(200, 1000)] * 3
    assert "broken" in fail(service, tmp_path, NotAvailable)
    assert len(service.requests) == 4


def test_login_page_instead_of_the_archive(service, tmp_path):
    service.body = b"<html>please accept the licence</html>"
    assert "no ZIP archive" in fail(service, tmp_path)


def test_archive_that_is_damaged_although_the_checksum_is_right(service, tmp_path):
    body = bytearray(service.body)
    body[len(body) // 2] ^= 0xFF
    digest = hashlib.md5(body).hexdigest()
    service.manifest = service.manifest.replace(service.offer["download_checksum"], digest)
    service.body = bytes(body)
    assert fail(service, tmp_path).startswith(f"{NAME}: ")


def test_site_that_the_service_does_not_have(service, tmp_path):
    service.manifest = json.dumps({"data_urls": [], "manifest": []})
    assert "has no FLUXNET archive" in fail(service, tmp_path, NotAvailable)


@pytest.mark.parametrize("reply", ["<html>hello</html>", "[]", '{"data_urls": [{"site_id": "US-CRT"}]}'])
def test_reply_that_is_no_manifest(service, tmp_path, reply):
    service.manifest = reply
    assert "no manifest" in fail(service, tmp_path)


@pytest.mark.parametrize(
    "url",
    [Path(__file__).as_uri(), "http://127.0.0.1/../../evil.zip", "http://127.0.0.1/AMF_US-Tw3_FLUXNET_x.zip"],
)
def test_offer_of_something_else(service, tmp_path, url):
    service.manifest = json.dumps({"data_urls": [service.offer | {"url": url}]})
    assert "offers" in fail(service, tmp_path)


def test_offer_whose_address_is_none(service, tmp_path):
    for url in ("http://[half/" + NAME, NAME, 5):
        service.manifest = json.dumps({"data_urls": [service.offer | {"url": url}]})
        assert "offers" in fail(service, tmp_path)


@pytest.mark.parametrize("url", ["foo", "file:" + NAME, "http://", "http://[half", "http://here:port/"])
def test_address_of_no_service_is_one_line(tmp_path, capsys, url):
    arguments = ["fetch", "--site", "US-CRT", "--archives", str(tmp_path / "none"), "--base-url", url]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{url!r}: expected an address like https://" in error


def test_refusal_is_not_tried_again(service, tmp_path):
    service.faults += [(403, 0)]
    assert "403" in fail(service, tmp_path, NotAvailable)
    assert len(service.requests) == 1


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_step_without_connection_tells_what_to_put_where(tmp_path, capsys):
    folder, nobody = tmp_path / "archives", f"http://127.0.0.1:{closed_port()}/"
    arguments = ["fetch", "--site", "US-Wkg", "--archives", str(folder), "--output", str(tmp_path / "out")]
    assert main([*arguments, "--base-url", nobody]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for words in ("US-Wkg", "AMF_US-Wkg_FLUXNET_*.zip", str(folder), "no connection"):
        assert words in error


def test_step_downloads_when_no_folder_has_the_site(service, tmp_path):
    out = tmp_path / "out"
    arguments = ["--site", "US-CRT", "--archives", str(tmp_path / "none"), "--output", str(out)]
    assert main(["fetch", *arguments, "--base-url", service.url]) == 0
    assert [path.name for path in (out / "archive").iterdir()] == [NAME]
    assert read_json(out / "source.json")["archives"][0]["origin"] == service.offer["url"]


def test_step_copies_what_a_folder_has(tmp_path):
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    rows = crt_rows(days=4)
    write_base(first, rows, site="US-Tw3")
    one, two = (write_base(second, rows, version=version) for version in ("1-1", "2-1"))
    arguments = [
        "fetch",
        "--site",
        "US-CRT",
        "--archives",
        str(first),
        str(tmp_path / "none"),
        str(second),
        "--output",
        str(out),
    ]
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
    assert main([*arguments, "--archive", "*_2-*.zip"]) == 0
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
    nobody = f"http://127.0.0.1:{closed_port()}/"
    arguments = ["fetch", "--site", "US-Me2", "--archives", str(tmp_path), "--output", str(tmp_path / "out")]
    arguments += ["--base-url", nobody, *[f"--archive={pattern}" for pattern in PAPER]]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert f"no archive {PAPER[0]} and no {PAPER[1]} found" in error
    assert f"folder {tmp_path} (" in error
    assert "BASE" not in error and "_FLUXNET_*" not in error  # names that would not help
    (tmp_path / PAPER[1].replace("*", "3-5")).touch()
    assert find_archives("US-Me2", [tmp_path], PAPER) == []
    assert main(arguments) == 2
    assert f"US-Me2: no archive {PAPER[0]} found;" in capsys.readouterr().err
    assert not (tmp_path / "out" / "archive").exists()


def test_finding_archives_by_name(tmp_path):
    for name in (
        CRT.name,
        NAME,
        "AMF_US-CRT_BASE_HH_3-5.csv",
        "AMF_US-CRTx_BASE-BADM_1-1.zip",
        "AMF_US-CRT_BIF_1.csv",
        "a.txt",
    ):
        (tmp_path / name).touch()
    found = [path.name for path in find_archives("US-CRT", [tmp_path / "none", tmp_path])]
    assert found == [CRT.name, "AMF_US-CRT_BASE_HH_3-5.csv", NAME]
    assert [path.name for path in find_archives("US-CRT", [tmp_path], ["*FLUXNET*"])] == [NAME]
    assert find_archives("US-Me2", [tmp_path]) == []
    assert find_archives("US-CRT", [tmp_path], ["*FLUXNET*", "*_2050_*"]) == []  # not a part of the record
    assert "AMF_US-Me2_BASE-BADM_*.zip" in missing_message("US-Me2", "archives")


def test_archive_that_does_not_fit_the_names_asked_for_is_not_fetched(service, tmp_path):
    with pytest.raises(NotAvailable, match=f"offers {NAME} instead"):
        download("US-CRT", tmp_path, service.url, pause=0.0, patterns=["*_2050_*"])
    assert not list(tmp_path.iterdir())
