"""The fetcher against real servers on this machine: what it brings, and what it must never touch."""

import base64
import gzip
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from structlog.testing import capture_logs

import needs
from cloche.engine.references import FetchPolicy, HttpFetcher, shown
from cloche.model.data import ReferenceData
from cloche.model.errors import DataNotAccessible, SizeExceeded
from cloche.model.formats import Format

JSON = Format(media_type="application/json")
NO_CONNECTION = "cannot be reached, or is not among the addresses"


class Handler(BaseHTTPRequestHandler):
    """Answers what ``server.answers`` says of the path: a function that is given the handler."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        self.server.seen.append(self)
        self.close_connection = True
        self.server.answers[self.path.partition("?")[0]](self)

    do_POST = do_GET  # noqa: N815 -- the library's own spelling

    def log_message(self, *arguments):
        pass

    def answer(self, data=b"", status=200, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length != "none":
            self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.answers = [], {}
        self.stopped = threading.Event()

    def handle_error(self, request, client_address):
        pass  # clients that go away in the middle are what is tested

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.server_port}{path}"


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server():
    with serving() as one:
        yield one


@pytest.fixture
def fetch(tmp_path):
    """Fetch an address: the bytes; the policy allows 127.0.0.1 by that spelling alone."""
    made = []

    def fetch(href, *, encoding="", max_bytes=None, allowed=("127.0.0.1",), policy=None, **rest):
        # by name and not as a network: another spelling of the same address stays forbidden
        hosts = tuple(f"{host}:{port}" if host == "127.0.0.1" else host for host in allowed for port in ports(href))
        options = {"connect_timeout": 2, "read_timeout": 2, "total_timeout": 5, "allowed_hosts": hosts} | (policy or {})
        fetcher = HttpFetcher(FetchPolicy(**options))
        made.append(fetcher)
        reference = ReferenceData(href=href, format=Format(media_type="a/b", encoding=encoding), **rest)
        into = tmp_path / "in" / "1"
        into.parent.mkdir(exist_ok=True)
        try:
            size = fetcher.fetch(reference, into=into, bodies=tmp_path, max_bytes=max_bytes)
        except BaseException:
            assert list(into.parent.iterdir()) == []
            raise
        assert list(into.parent.iterdir()) == [into]
        assert size == into.stat().st_size
        return into.read_bytes()

    yield fetch
    for fetcher in made:
        fetcher.close()
        fetcher.close()


def ports(href):
    rest = href.partition("//")[2].partition("/")[0].rpartition(":")[2]
    return [rest] if rest.isdecimal() else ["80"]


def refused(fetch, href, match, **rest):
    with pytest.raises(DataNotAccessible, match=match) as caught:
        fetch(href, **rest)
    assert caught.value.locator == ""
    return caught.value.text


def test_data_comes_in(server, fetch):
    server.answers["/a"] = lambda h: h.answer(b"x" * 3_000_000)
    assert fetch(server.url("/a?b=c%20d&e=%2F")) == b"x" * 3_000_000
    assert server.seen[0].path == "/a?b=c%20d&e=%2F"
    assert server.seen[0].headers["Accept-Encoding"] == "gzip"


def test_a_body_without_length_comes_in(server, fetch):
    server.answers["/a"] = lambda h: h.answer(b"until the end", length="none")
    assert fetch(server.url("/a")) == b"until the end"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\xef\xbb\xbf <q/>", "text/xml"), (b'{"a":1}', "application/json"), (b"a=b", "application/octet-stream")],
)
def test_a_body_is_posted(server, fetch, tmp_path, body, content_type):
    (tmp_path / "b").write_bytes(body)
    server.answers["/a"] = lambda h: h.answer(h.body[::-1])
    assert fetch(server.url("/a"), method="POST", body="b") == body[::-1]
    assert server.seen[0].command == "POST"
    assert server.seen[0].headers["Content-Type"] == content_type
    assert server.seen[0].headers["Content-Length"] == str(len(body))


def test_a_body_is_fetched_first(server, fetch):
    server.answers["/body"] = lambda h: h.answer(b"<q/>")
    server.answers["/a"] = lambda h: h.answer(b"got " + h.body)
    assert fetch(server.url("/a"), method="POST", body_href=server.url("/body")) == b"got <q/>"


def test_a_body_is_fetched_behind_the_same_guard(server, fetch):
    refused(fetch, server.url("/a"), NO_CONNECTION, method="POST", body_href=server.url("/body", "localhost"))
    refused(fetch, server.url("/a"), "of that kind", method="POST", body_href="file:///etc/passwd")
    server.answers["/body"] = lambda h: h.answer(b"x" * 100)
    with pytest.raises(SizeExceeded):
        fetch(server.url("/a"), method="POST", body_href=server.url("/body"), max_bytes=99)
    assert [seen.path for seen in server.seen] == ["/body"]


@pytest.mark.parametrize("body", ["../b", "/etc/passwd", "a/b", ".."])
def test_a_body_is_a_file_of_the_request(server, fetch, body):
    refused(fetch, server.url("/a"), "body of the reference", method="POST", body=body)


def test_headers_of_the_client_are_sent(server, fetch):
    server.answers["/a"] = lambda h: h.answer(b"x")
    fetch(server.url("/a"), headers=(("X-Key", "k1"), ("user-agent", "mine"), ("Authorization", "Bearer t")))
    headers = server.seen[0].headers
    assert (headers["X-Key"], headers.get_all("User-Agent"), headers["Authorization"]) == ("k1", ["mine"], "Bearer t")


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "internal"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive"),
        ("Proxy-Authorization", "x"),
        ("X", "a\r\nHost: internal"),
        ("X", "a\x00"),
        ("X Y", "a"),
        ("X:", "a"),
        ("", "a"),
        ("X", "a" * 9000),
    ],
)
def test_headers_that_are_not_the_clients_are_refused(server, fetch, header):
    refused(fetch, server.url("/a"), "header", headers=(header,))
    assert server.seen == []


def test_declared_encodings_are_undone(server, fetch):
    data = b"some data " * 1000
    server.answers["/64"] = lambda h: h.answer(base64.encodebytes(data))
    server.answers["/gz"] = lambda h: h.answer(gzip.compress(data))
    assert fetch(server.url("/64"), encoding="base64") == data
    assert fetch(server.url("/gz"), encoding="gzip") == data
    assert gzip.decompress(fetch(server.url("/gz"))) == data
    refused(fetch, server.url("/gz"), "base64", encoding="base64")
    refused(fetch, server.url("/64"), "not gzip", encoding="gzip")


def test_the_encoding_of_the_transport_is_undone(server, fetch):
    data = b"some data " * 1000
    server.answers["/once"] = lambda h: h.answer(gzip.compress(data), Content_Encoding="gzip")
    server.answers["/twice"] = lambda h: h.answer(gzip.compress(gzip.compress(data)), Content_Encoding="gzip")
    server.answers["/br"] = lambda h: h.answer(data, Content_Encoding="br")
    server.answers["/many"] = lambda h: h.answer(data, Content_Encoding="gzip, gzip")
    assert fetch(server.url("/once")) == data
    assert fetch(server.url("/once"), encoding="gzip") == data
    assert fetch(server.url("/twice"), encoding="gzip") == data
    refused(fetch, server.url("/br"), "was not asked for")
    refused(fetch, server.url("/many"), "was not asked for")


FORBIDDEN = [
    "127.0.0.1", "localhost", "localhost.", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "0x7f.0x1", "0177.0.0.1",
    "017700000001", "127.0.0.2", "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]", "169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1",
    "100.64.0.1", "[fd00:ec2::254]", "[fe80::1]", "224.0.0.1", "255.255.255.255", "user:pass@127.0.0.1",
    "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021",
]  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN)
def test_no_spelling_of_a_private_address_is_connected_to(server, fetch, host):
    began = time.monotonic()
    text = refused(fetch, server.url("/a", host), "could not be had", allowed=())
    assert time.monotonic() - began < 1
    assert server.seen == []
    assert "pass" not in text


def test_a_name_is_judged_by_where_it_leads(server, fetch, monkeypatch):
    real = socket.getaddrinfo

    def lookup(host, *arguments, **rest):
        return real("127.0.0.1" if host == "data.example" else host, *arguments, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    server.answers["/a"] = lambda h: h.answer(b"x")
    with capture_logs() as logs:
        text = refused(fetch, server.url("/a", "data.example"), NO_CONNECTION)
    assert "127" not in text, "clients are not told"
    said = [(line["event"], line["host"], line["addresses"]) for line in logs]
    assert said == [("host refused", "data.example", ["127.0.0.1"])]
    assert server.seen == []
    assert fetch(server.url("/a", "data.example"), allowed=("data.example",)) == b"x"
    assert fetch(server.url("/a", "data.example"), allowed=("127.0.0.0/8",)) == b"x"
    assert fetch(server.url("/a", "data.example"), allowed=("*.example",)) == b"x"


def test_a_mixed_answer_of_the_name_service_leads_to_allowed_addresses_only(server, fetch, monkeypatch):
    real = socket.getaddrinfo

    def lookup(host, *arguments, **rest):
        if host != "data.example":
            return real(host, *arguments, **rest)
        return [*real("127.0.0.1", *arguments, **rest), *real("127.0.0.7", *arguments, **rest)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    refused(fetch, server.url("/a", "data.example"), NO_CONNECTION, allowed=("127.0.0.7/32",))
    assert server.seen == []


def test_what_is_forbidden_looks_like_what_is_not_there(server, fetch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        there = refused(fetch, server.url("/a"), NO_CONNECTION, allowed=())
        absent = refused(fetch, f"http://127.0.0.1:{closed.getsockname()[1]}/a", NO_CONNECTION)
        unknown = refused(fetch, "http://does-not-exist.invalid/a", NO_CONNECTION)
    assert len({text.partition(" could ")[2] for text in (there, absent, unknown)}) == 1


@pytest.mark.parametrize(
    "to", ["http://localhost:{port}/b", "http://169.254.169.254/latest", "http://[::1]:{port}/b", "//0:{port}/b"]
)
def test_redirects_do_not_lead_around_the_guard(server, fetch, to):
    server.answers["/a"] = lambda h: h.answer(status=302, Location=to.format(port=server.server_port))
    server.answers["/b"] = lambda h: h.answer(b"secret")
    refused(fetch, server.url("/a"), f"{NO_CONNECTION}|does not answer as it should")
    assert [seen.path for seen in server.seen] == ["/a"]


@pytest.mark.parametrize(
    "to",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/", "data:,x", "", "http://[x"),
        *("http://127.0.0.1:99999/", "http://127.0.0.1:abc/", "http://127.0.0.1:-1/"),
    ],
)
def test_redirects_stay_with_http(server, fetch, to, tmp_path):
    server.answers["/a"] = lambda h: h.answer(status=301, Location=to)
    refused(fetch, server.url("/a"), "redirected to an address", policy={"directories": (tmp_path.parent,)})


def test_redirects_are_followed_so_many_times(server, fetch):
    server.answers["/a"] = lambda h: h.answer(status=302, Location="b/../c")
    server.answers["/c"] = lambda h: h.answer(b"there")
    server.answers["/loop"] = lambda h: h.answer(status=302, Location="/loop")
    assert fetch(server.url("/a")) == b"there"
    refused(fetch, server.url("/loop"), "redirected too often", policy={"max_redirects": 3})
    assert len([seen for seen in server.seen if seen.path == "/loop"]) == 4


def test_secrets_stay_with_the_origin(server, fetch):
    headers = (("X-Key", "k1"), ("Authorization", "Bearer t"))
    server.answers["/same"] = lambda h: h.answer(status=307, Location="/end")
    server.answers["/end"] = lambda h: h.answer(b"x")
    fetch(server.url("/same"), headers=headers)
    assert server.seen[-1].headers["Authorization"] == "Bearer t"
    with serving() as other:
        other.answers["/end"] = lambda h: h.answer(b"x")
        server.answers["/other"] = lambda h: h.answer(status=307, Location=other.url("/end"), Set_Cookie="a=b")
        fetch(server.url("/other"), headers=headers, allowed=("127.0.0.0/8",))
        fetch(server.url("/other").replace("//", "//user:pass@"), allowed=("127.0.0.0/8",))
        for seen in other.seen:
            assert not {"x-key", "authorization", "cookie"} & {name.lower() for name in seen.headers}
        assert len(other.seen) == 2
    assert server.seen[-1].headers["Authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()


def test_redirects_after_a_post(server, fetch, tmp_path):
    (tmp_path / "b").write_bytes(b"<q/>")
    server.answers["/see"] = lambda h: h.answer(status=303, Location="/end")
    server.answers["/again"] = lambda h: h.answer(status=307, Location="/end")
    server.answers["/end"] = lambda h: h.answer(h.command.encode() + h.body)
    assert fetch(server.url("/see"), method="POST", body="b") == b"GET"
    assert fetch(server.url("/again"), method="POST", body="b") == b"POST<q/>"


@pytest.mark.parametrize("status", [204 + 200, 500, 401, 304, 300])
def test_only_success_is_data(server, fetch, status):
    server.answers["/a"] = lambda h: h.answer(b"" if status == 304 else b"an error page", status=status)
    refused(fetch, server.url("/a"), f"status {status}")


def slow(handler):
    handler.answer(b"x", length=1000)
    handler.wfile.flush()
    handler.server.stopped.wait(5)


def drip(handler):
    handler.answer(b"", length=1000)
    while not handler.server.stopped.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def silent(handler):
    handler.server.stopped.wait(5)


@pytest.mark.parametrize(
    ("behaviour", "timeouts"),
    [
        (slow, {"read_timeout": 0.3}),
        (silent, {"read_timeout": 0.3}),
        (drip, {"total_timeout": 0.5}),
        (slow, {"total_timeout": 0.3}),
    ],
)
def test_slow_servers_are_given_up(server, fetch, behaviour, timeouts):
    server.answers["/a"] = behaviour
    began = time.monotonic()
    refused(fetch, server.url("/a"), "takes too long", policy=timeouts)
    assert time.monotonic() - began < 1.5


def test_a_name_service_that_hangs_is_given_up(server, fetch, monkeypatch):
    released = threading.Event()

    def hang(*arguments, **rest):
        released.wait(5)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    refused(fetch, "http://data.example/a", "could not be had", policy={"connect_timeout": 0.3})
    assert time.monotonic() - began < 1.5
    released.set()


def endless(handler):
    handler.answer(b"", length="none")
    while not handler.server.stopped.is_set():
        handler.wfile.write(bytes(1 << 16))


def test_more_than_allowed_is_refused(server, fetch):
    server.answers["/announced"] = lambda h: (h.answer(b"", length=1001), h.server.stopped.wait(5))
    server.answers["/endless"] = endless
    server.answers["/bomb"] = lambda h: h.answer(gzip.compress(bytes(20 << 20)), Content_Encoding="gzip")
    server.answers["/fits"] = lambda h: h.answer(bytes(1000))
    for path, encoding in [("/announced", ""), ("/endless", ""), ("/bomb", ""), ("/bomb", "gzip")]:
        with pytest.raises(SizeExceeded, match="1000 bytes"):
            fetch(server.url(path), max_bytes=1000, encoding=encoding)
    assert len(fetch(server.url("/fits"), max_bytes=1000)) == 1000


def half_a_chunk(handler):
    handler.answer(b"10\r\nonly this", length="none", Transfer_Encoding="chunked")


def not_http(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (lambda h: h.answer(b"short", length=1000), "broke off"),
        (half_a_chunk, "broke off|as it should"),
        (lambda h: h.answer(gzip.compress(os.urandom(9999))[:-20], Content_Encoding="gzip"), "cut off"),
        (lambda h: h.answer(b"plain", Content_Encoding="gzip"), "not gzip"),
        (lambda h: None, "broke off"),
        (not_http, "as it should"),
        (lambda h: h.answer(b"x", X="y" * 200_000), "as it should"),
    ],
)
def test_what_is_not_whole_is_refused(server, fetch, behaviour, reason):
    server.answers["/a"] = behaviour
    refused(fetch, server.url("/a"), reason)


def test_certificates_are_checked(server, fetch, tmp_path):
    needs.need("openssl", when=shutil.which("openssl") is not None, reason="there is no openssl to make a certificate")
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    refused(fetch, server.url("/a").replace("http:", "https:"), "no valid certificate")
    refused(fetch, server.url("/a").replace("http:", "https:"), NO_CONNECTION, allowed=())
    assert server.seen == []


def test_the_environment_names_no_proxy(server, fetch, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    server.answers["/a"] = lambda h: h.answer(b"x")
    assert fetch(server.url("/a")) == b"x"


@pytest.mark.parametrize(
    "href",
    ["ftp://127.0.0.1/a", "gopher://127.0.0.1/", "data:,x", "jar:http://a/!b", "unix:/run/x", "", "/etc/passwd", "x",
     "http+unix://%2Frun%2Fx/", "FILE:///etc/passwd"],
)  # fmt: skip
def test_other_kinds_of_address_are_refused(fetch, href):
    refused(fetch, href, "of that kind")


@pytest.mark.parametrize("href", ["http://", "http:///a", "http://a:99999/", "http://[::1", "https://?x", "http://a b"])
def test_broken_addresses_are_refused(fetch, href):
    refused(fetch, href, "could not be had")


@pytest.fixture
def shared(tmp_path):
    """A shared directory with a neighbour whose name begins alike."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a b.txt").write_bytes(b"shared")
    secret = tmp_path / "data-secret"
    secret.mkdir()
    (secret / "s.txt").write_bytes(b"secret")
    (folder / "inside").symlink_to(folder / "a b.txt")
    (folder / "outside").symlink_to(secret / "s.txt")
    (folder / "away").symlink_to(secret)
    os.mkfifo(folder / "fifo")
    return folder


def test_shared_files_are_read(fetch, shared):
    policy = {"directories": (shared.parent / "none", shared)}
    for href in (f"file://{shared}/a%20b.txt", f"file:{shared}/a b.txt", f"FILE://localhost{shared}/x/../inside"):
        (shared / "x").mkdir(exist_ok=True)
        assert fetch(href, policy=policy) == b"shared"
    with pytest.raises(SizeExceeded):
        fetch(f"file://{shared}/inside", policy=policy, max_bytes=5)
    (shared / "64").write_bytes(base64.b64encode(b"decoded"))
    assert fetch(f"file://{shared}/64", policy=policy, encoding="base64", max_bytes=7) == b"decoded"


def test_a_shared_directory_may_be_a_link(fetch, shared):
    link = shared.parent / "link"
    link.symlink_to(shared)
    assert fetch(f"file://{link}/inside", policy={"directories": (link,)}) == b"shared"


@pytest.mark.parametrize(
    "path",
    ["/outside", "/away/s.txt", "/../data-secret/s.txt", "/%2e%2e/data-secret/s.txt", "-secret/s.txt", "", "/", "/fifo",
     "/none", "/a%00b", "/inside/x", "/a%20b.txt?x", "/a%20b.txt#x"],
)  # fmt: skip
def test_other_files_are_refused_in_one_text(fetch, shared, path):
    href = f"file://{shared}{path}"
    text = refused(fetch, href, "not among the files that this server shares", policy={"directories": (shared,)})
    assert "secret" not in text.partition(" could ")[2]


def test_files_of_other_hosts_and_devices_are_refused(fetch, shared):
    for href in (f"file://elsewhere{shared}/inside", "file:///dev/zero", "file:///proc/self/environ", "file:relative"):
        refused(fetch, href, "not among the files", policy={"directories": (shared,)})
    refused(fetch, f"file://{shared}/inside", "of that kind", policy={"directories": (shared,)}, method="POST")


def test_messages_show_no_secrets(server, fetch):
    server.answers["/a"] = lambda h: h.answer(status=403)
    text = refused(fetch, server.url("/a?token=t0ps3cret").replace("//", "//user:hunter2@"), "status 403")
    assert text == f"The data at {server.url('/a')} could not be had: its server answers with status 403."
    assert shown("http://h/" + "x" * 1000).endswith("…")
    assert shown("http://[x/") == "the given address"
    assert shown("http://h/\x1b[31m") == "http://h/?[31m"


def test_many_threads_fetch_at_once(server, tmp_path):
    server.answers["/a"] = lambda h: h.answer(h.path.encode() * 1000)
    fetcher = HttpFetcher(FetchPolicy(allowed_hosts=("127.0.0.1",)))

    def one(number):
        into = tmp_path / str(number)
        fetcher.fetch(
            ReferenceData(href=server.url(f"/a?{number}"), format=JSON), into=into, bodies=tmp_path, max_bytes=None
        )
        return into.read_bytes() == f"/a?{number}".encode() * 1000

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(40)))
    fetcher.close()


def test_closing_ends_what_is_under_way(server, tmp_path):
    server.answers["/a"] = slow
    fetcher = HttpFetcher(FetchPolicy(allowed_hosts=("127.0.0.1",)))
    reference = ReferenceData(href=server.url("/a"), format=JSON)
    threading.Timer(0.3, fetcher.close).start()
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(CancelledError):
            fetcher.fetch(reference, into=tmp_path / "1", bodies=tmp_path, max_bytes=None)
    assert time.monotonic() - began < 2
    assert not (tmp_path / "1").exists()


def test_fetches_into_one_folder_are_ended_and_no_others(server, tmp_path):
    server.answers["/slow"] = slow
    server.answers["/a"] = lambda h: h.answer(b"x")
    fetcher = HttpFetcher(FetchPolicy(allowed_hosts=("127.0.0.1",)))
    for name in ("one", "other"):
        (tmp_path / name).mkdir()

    def fetch(folder, path):
        reference = ReferenceData(href=server.url(path), format=JSON)
        return fetcher.fetch(reference, into=tmp_path / folder / "1", bodies=tmp_path, max_bytes=None)

    with ThreadPoolExecutor(2) as pool:
        ended, going_on = pool.submit(fetch, "one", "/slow"), pool.submit(fetch, "other", "/slow")
        time.sleep(0.3)
        began = time.monotonic()
        fetcher.cancel(tmp_path / "one")
        with pytest.raises(CancelledError):
            ended.result()
        assert time.monotonic() - began < 1
        assert not going_on.done()
        assert fetch("one", "/a") == 1  # what begins later is another matter
        fetcher.close()
        with pytest.raises(CancelledError):
            going_on.result()


def test_nothing_is_started_before_it_is_needed():
    before = threading.active_count()
    fetcher = HttpFetcher(FetchPolicy())
    assert threading.active_count() == before
    fetcher.close()
