"""Requests: many by wrk, single ones by http.client."""

import http.client
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

SCRIPT = """
wrk.method = 'POST'
wrk.body = '{body}'
wrk.headers['Content-Type'] = '{media_type}'
"""
SCALE = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Requests a second, and the median and 99th percentile in milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The body of a request, and what it is. No single quotes or line ends: it goes into a script of wrk."""

    body: str
    media_type: str


def hammer(url: str, *, clients: int, seconds: int, post: Post | None = None) -> Load:
    """GET or POST from that many connections. Raises RuntimeError when wrk is missing or any answer was not 200."""
    if not shutil.which("wrk"):
        raise RuntimeError("wrk is missing: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if post is not None:
            script.write(SCRIPT.format(body=post.body, media_type=post.media_type))
            script.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{clients}",
            f"-d{seconds}s",
            "--latency",
            "--timeout",
            "30s",
            "-s",
            script.name,
            url,
        ]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    percentile = {p: float(v) * SCALE[u] for p, v, u in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", out)}
    return Load(rate=rate, p50=percentile["50"], p99=percentile["99"])


def request(url: str, body: bytes | None = None) -> tuple[float, bytes]:
    """Seconds and the answer. Raises RuntimeError unless it is 200."""
    parts = urlsplit(url)
    began = time.perf_counter()
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=300)
    headers = {"Content-Type": "text/xml"} if body else {}
    connection.request("POST" if body else "GET", f"{parts.path}?{parts.query}", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status} {content[:500]!r}")
    return time.perf_counter() - began, content
