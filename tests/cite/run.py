"""Run OGC's released test suites against a live server: ``run.py wps10 wps20 processes10``.

The jars come from ``--jars`` or through Maven. The hosts that the suites fetch schemas from are answered by
``offline_hosts.py`` of the standards beside the repository; two tests of wps20 and one of processes10 make the server
itself fetch a file from raw.githubusercontent.com, which needs the network. Prints passed, failed and skipped of each
suite from its testng-results.xml. Exit code 0: all passed; 1: some did not; 3: none failed, a jar could not be had.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
STANDARDS = ROOT.parent / "shared" / "standards"
CACHE = Path.home() / ".cache" / "cloche-tests" / "cite"
SETTINGS = "[server]\nparallelprocesses = 12\n"
"""The suites leave jobs behind and go on with synchronous ones, which are refused without a free slot."""

sys.path.insert(0, str(ROOT / "tests"))


class Unavailable(Exception):
    """A jar cannot be had; the text says what was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite: its artifact, its properties, and where in them it looks for the service, and should."""

    artifact: str
    version: str
    properties: str
    mounts: tuple[str, str]
    options: tuple[str, ...] = ()
    output_option: bool = True

    @property
    def coordinates(self) -> str:
        return f"org.opengis.cite:{self.artifact}:{self.version}:jar:aio"

    @property
    def jar(self) -> str:
        return f"{self.artifact}-{self.version}-aio.jar"


SUITES = {
    "wps10": Suite(
        artifact="ets-wps10",
        version="0.8",
        properties="wps10.xml",
        mounts=("/wps", "/wps/1.0.0"),
        options=("--add-opens", "java.base/java.lang=ALL-UNNAMED"),
        output_option=False,
    ),
    "wps20": Suite(artifact="ets-wps20", version="1.1", properties="wps20.xml", mounts=("/wps", "/wps/2.0.0")),
    "processes10": Suite(
        artifact="ets-ogcapi-processes10", version="1.3", properties="processes10.xml", mounts=("/ogc-api", "")
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a testng-results.xml says; ``failures`` are names with messages."""

    passed: int
    failed: int
    skipped: int
    failures: tuple[tuple[str, str], ...]


def obtain(suite: Suite, folder: Path, *, maven: str = "mvn", seconds: float = 300) -> Path:
    """The jar, from ``folder`` or copied there by Maven. Raises Unavailable."""
    jar = folder / suite.jar
    if jar.is_file():
        return jar
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        maven, "-q", "-B", "-U", "dependency:copy", f"-Dartifact={suite.coordinates}", f"-DoutputDirectory={folder}"
    ]  # fmt: skip
    tried = f"{' '.join(command)}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{tried}: {error}") from None
    if not jar.is_file():
        said = next((line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line), "no message")
        raise Unavailable(f"{tried}: {said.strip()}")
    return jar


def fill(suite: Suite, base: str, folder: Path, standards: Path) -> Path:
    """The suite's properties and requests in ``folder``, for the server at ``base``."""
    for source in (standards / "cite" / "props").glob("*.xml"):
        theirs, ours = suite.mounts
        text = source.read_text("utf-8").replace(f"@BASE@{theirs}", f"@BASE@{ours}")
        (folder / source.name).write_text(text.replace("@BASE@", base).replace("@DIR@", str(folder)), "utf-8")
    return folder / suite.properties


def results(folder: Path) -> Results | None:
    """What the suite found, from the testng-results.xml somewhere below ``folder``; None where there is none."""
    found = sorted(folder.rglob("testng-results.xml"))
    if not found:
        return None
    root = ET.parse(found[-1]).getroot()
    failures = tuple(
        (method.get("name", ""), (method.findtext(".//message") or "").strip())
        for method in root.iter("test-method")
        if method.get("status") == "FAIL"
    )
    counts = {name: int(root.get(name, "0")) for name in ("passed", "failed", "skipped")}
    return Results(**counts, failures=failures)


def execute(suite: Suite, jar: Path, properties: Path, folder: Path, hosts: "Hosts", seconds: float) -> Results | None:
    """Run the jar; what it found."""
    proxy = [f"-D{scheme}.proxy{part}={value}" for scheme in ("http", "https") for part, value in hosts.proxy.items()]
    trust = [f"-Djavax.net.ssl.trustStore={hosts.trust}", "-Djavax.net.ssl.trustStorePassword=changeit"]
    output = ["-o", str(folder)] if suite.output_option else []
    command = [
        "java", *suite.options, *proxy, "-Dhttp.nonProxyHosts=localhost|127.*", *trust, f"-Duser.home={folder}",
        "-jar", str(jar), *output, str(properties),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        try:
            subprocess.run(command, stdout=log, stderr=log, timeout=seconds, check=False, cwd=folder)
        except subprocess.TimeoutExpired:
            print(f"  ended after {seconds:g} s", flush=True)
    return results(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The stand-in for the hosts that the suites fetch from."""

    port: int
    trust: Path

    @property
    def proxy(self) -> dict[str, str]:
        return {"Host": "127.0.0.1", "Port": str(self.port)}


@contextmanager
def offline_hosts(folder: Path, standards: Path) -> Iterator[Hosts]:
    """The hosts, answered from files while the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(standards / "cite" / "offline_hosts.py"), "--port", str(port), "--dir", str(folder)]
    with (folder / "hosts.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    try:
        _wait_for(port, process)
        yield Hosts(port=port, trust=folder / "ca.p12")
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("offline_hosts.py does not answer")


def run(names: Sequence[str], jars: Path, seconds: float) -> int:
    """Run the suites; the exit code."""
    found, absent = _obtained(names, jars)
    failed = bool(found) and _run(found, seconds)
    return 1 if failed else 3 if absent else 0


def _obtained(names: Sequence[str], folder: Path) -> tuple[dict[str, Path], bool]:
    """The jars by suite, and whether one could not be had: what was tried is printed."""
    found: dict[str, Path] = {}
    for name in names:
        try:
            found[name] = obtain(SUITES[name], folder)
        except Unavailable as error:
            print(f"{name}: not run, no jar: {error}", flush=True)
    return found, len(found) < len(names)


def _run(jars: Mapping[str, Path], seconds: float) -> bool:
    """Whether a test of one of the suites failed."""
    import live

    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="cloche-cite-") as work,
        offline_hosts(Path(work), STANDARDS) as hosts,
        live.home() as home,
    ):
        server = live.start(home, SETTINGS, demo=True)
        try:
            for name, jar in jars.items():
                failed |= _one(name, jar, Path(work), server.url, hosts, seconds)
        finally:
            server.end()
    return failed


def _one(name: str, jar: Path, work: Path, base: str, hosts: Hosts, seconds: float) -> bool:
    suite = SUITES[name]
    folder = work / name
    folder.mkdir()
    found = execute(suite, jar, fill(suite, base, folder, STANDARDS), folder, hosts, seconds)
    if found is None:
        print(f"{name}: no results\n{(folder / 'log').read_text('utf-8', 'replace')[-3000:]}", flush=True)
        return True
    print(f"{name}: {found.passed} passed, {found.failed} failed, {found.skipped} skipped", flush=True)
    for test, message in found.failures:
        print(f"  {test}: {message}", flush=True)
    return found.failed > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="wps10, wps20, processes10; default: all")
    parser.add_argument(
        "--jars", type=Path, default=CACHE, help="where the jars are, or are put (default: %(default)s)"
    )
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one suite (default: %(default)s)")
    given = parser.parse_args()
    unknown = set(given.suites) - SUITES.keys()
    if unknown:
        parser.error(f"there is no suite {', '.join(unknown)}; {', '.join(SUITES)} are")
    if not STANDARDS.is_dir():
        parser.error(f"there is no {STANDARDS}")
    return run(given.suites or list(SUITES), given.jars, given.timeout)


if __name__ == "__main__":
    sys.exit(main())
