"""A server on the own machine that speaks the protocols of the networks' download services."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

CITATION = "Somebody (2026), AmeriFlux FLUXNET-1F US-CRT, Ver. v1.3_r1, AmeriFlux AMP, (Dataset)."
COOKIE = "CpLicenseAcceptedFor"


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Fault(NamedTuple):
    """What is answered instead: a status, and how many bytes of the body before the connection is cut."""

    status: int = 200
    sent: int = 0
    after: str = ""  # Retry-After


class Service(ThreadingHTTPServer):
    """Serves `files` by name. `faults` are answers to files given instead, first to last.

    The open manifest offers `offered`, the account `for_account` (product: names) at the paths that are not `gone`
    (path: status), the THREDDS catalogue `.nc` files.
    With `ranges` a transfer can be resumed. While `answers` is cleared, what is posted waits for its answer; while
    `cuts` is, a transfer that is to be cut hangs there.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.faults = dict(files), [], []
        self.offered, self.for_account = [name for name in files if name.endswith(".zip")], {}
        self.checksums, self.sizes, self.gone = {}, {}, {}
        self.pages = {}  # path: function of the query, which gives what is sent as JSON
        self.ranges, self.citation, self.manifest = True, CITATION, None
        self.answers = threading.Event()
        self.cuts = threading.Event()
        self.answers.set()
        self.cuts.set()
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.link = f"{self.url}files/{{}}?=user"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def asked(self, path: str) -> list[Request]:
        """Requests whose path contains this."""
        return [request for request in self.requests if path in request.path]

    def entries(self, names: list[str], site_ids: list[str], promised: bool) -> list[dict]:
        """`data_urls` of a reply; with size and MD5 where they are promised."""
        result = []
        for name in names:
            (site_id,) = re.findall(r"[A-Z]{2}-\w{3}", name)[:1]
            entry = {"site_id": site_id, "url": self.link.format(name)}
            if promised:
                entry["download_size"] = self.sizes.get(name, len(self.files[name]))
                entry["download_checksum"] = (
                    self.checksums.get(name) or hashlib.md5(self.files[name]).hexdigest()
                )
            if site_id in site_ids:
                result.append(entry)
        return result


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.note(body)
        query = json.loads(body)
        self.server.answers.wait()
        if path in self.server.gone:
            self.send(b"<html>this service has moved</html>", "text/html", self.server.gone[path])
        elif path == "/api/v2/log_shuttle_data_request":
            self.send(b"{}", "application/json", 201)
        elif path == "/api/v2/amf_shuttle_data_files_and_manifest":
            entries = self.server.entries(self.server.offered, query["site_ids"], promised=True)
            text = self.server.manifest or json.dumps({"data_urls": entries, "manifest": []})
            self.send(text.encode(), "application/json")
        elif path == "/api/v2/citations/FLUXNET":
            values = [{"site_id": site, "citation": self.server.citation} for site in query["site_ids"]]
            self.send(json.dumps({"values": values}).encode(), "application/json")
        elif path in ("/api/v1/data_download", "/api/v2/data_download"):
            names = self.server.for_account.get(query["data_product"], [])
            entries = self.server.entries(names, query["site_ids"], promised=False)
            self.send(json.dumps({"data_urls": entries}).encode(), "application/json")
        else:
            self.send(b"no such page", "text/html", 404)

    def do_GET(self):
        path = self.note(b"")
        if path in self.server.gone:
            self.send(b"<html>this service has moved</html>", "text/html", self.server.gone[path])
        elif path in self.server.pages:
            query = {name: value for name, (value,) in parse_qs(urlsplit(self.path).query).items()}
            self.send(json.dumps(self.server.pages[path](query)).encode(), "application/json")
        elif path == "/api/v2/site_info_display/AmeriFlux":
            self.send(json.dumps({"values": SITES}).encode(), "application/json")
        elif path.endswith("/catalog.xml"):
            kind = path.split("/")[-2]
            names = [name for name in self.server.files if name.endswith(f"_{kind}.nc")]
            sets = "".join(f'<dataset name="{n}" urlPath="ks32/PLUMBER2/{kind}/{n}"/>' for n in names)
            self.send(f'<catalog xmlns="http://x/y"><dataset>{sets}</dataset></catalog>'.encode(), "text/xml")
        elif path == "/licence_accept":
            (object_id,) = json.loads(parse_qs(urlsplit(self.path).query)["ids"][0])
            self.send_response(303)
            self.send_header("Set-Cookie", f"{COOKIE}={object_id}; Path=/")
            self.send_header("Location", f"/objects/{object_id}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path.startswith("/objects/") and COOKIE not in self.headers.get("Cookie", ""):
            self.send(b"<html>please accept the licence</html>", "text/html")
        else:
            name = unquote(path.rpartition("/")[2])
            self.send_file(self.server.files.get(name))

    def note(self, body):
        self.server.requests.append(Request(self.command, self.path, dict(self.headers), body))
        return urlsplit(self.path).path

    def send_file(self, body):
        if body is None:
            return self.send(b"no such page", "text/html", 404)
        start = 0
        given = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if given and self.server.ranges:
            start = int(given[1])
            if start >= len(body):
                return self.send(b"", "text/plain", 416)
        fault = self.server.faults.pop(0) if self.server.faults else Fault(sent=len(body))
        if fault.status != 200:
            return self.send(b"not now", "text/html", fault.status, fault.after)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(body[start : start + fault.sent])
        if fault.sent < len(body) - start:
            self.wfile.flush()
            self.server.cuts.wait()
            self.close_connection = True

    def send(self, body, kind, status=200, after=""):
        self.send_response(status)
        if after:
            self.send_header("Retry-After", after)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


SITES = [
    {
        "site_id": site_id,
        "site_name": name,
        "grp_location": {"location_lat": "41.6", "location_long": "-83.3", "location_elev": "180"},
        "grp_igbp": {"igbp": "CRO"},
        "grp_publish_fluxnet": years,
    }
    for site_id, name, years in (
        ("US-CRT", "Curtice Walter-Berger cropland", [2011, 2012, 2013]),
        ("CA-Gro", "Ontario - Groundhog River, Boreal Mixedwood Forest", [2003, 2004]),
        ("US-Nil", "Nothing published", []),
    )
]
