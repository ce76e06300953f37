"""``python -m bench.modes``: what an execution costs in every mode, cold and prepared, beside ``docker run`` by hand.

From asking an executor to the proof that everything of the execution has ended, one after the other, with a pause
between two in which what was used up is prepared again. Over HTTP the same with a server around it.
"""

import argparse
import http.client
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from bench.memory import proportional_bytes, tree
from bench.servers import BIN, CLOCHE, HERE, free_port, fresh, running
from cloche.executors.docker.executor import DockerExecutor
from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.orders import Level
from cloche.ports.executor import Executor, Handle

sys.path.insert(0, str(HERE.parent / "tests"))
import containers
import dockers
from executions import Bench, capabilities, data_folder, local

JOBS = ("trivial", "geo")
PACKAGES = {job: str(HERE / f"{job}.py") for job in JOBS}
HOLD = {"trivial": "hold", "geo": "hold-geo"}
SETTLED_S = 0.2
PAUSE_S = {"docker": 3.0, "local": 0.05}
BY_HAND = {
    "trivial": "print(1.5 + 2.25)",
    "geo": "import pyproj, shapely; t = pyproj.Transformer.from_crs(4326, 3035, always_xy=True);"
    "x, y = t.transform([10 + i / 10 for i in range(20)], [50 + i / 15 for i in range(20)]);"
    "print(shapely.area(shapely.union_all(shapely.buffer(shapely.points(x, y), 1500.0))) / 1e6)",
}
HARDENED = (
    *("--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--user", "65534:65534", "--pids-limit", "64", "--memory", "1g", "--memory-swap", "1g", "--cpus", "2"),
    *("--tmpfs", "/tmp:size=64m", "--log-driver", "none"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Milliseconds."""

    p50: float
    p95: float

    @staticmethod
    def of(seconds: list[float]) -> "Figures":
        """Of at least two measurements."""
        return Figures(p50=statistics.median(seconds) * 1e3, p95=statistics.quantiles(seconds, n=20)[18] * 1e3)


Found = dict[tuple[str, str], Figures]


def measure(run: Callable[[], float], times: int, pause: float) -> Figures:
    """The first time does not count: the package is imported in it."""
    run()
    seconds = []
    for _ in range(times):
        time.sleep(pause)
        seconds.append(run())
    return Figures.of(seconds)


def once(bench: Bench, process: str) -> float:
    """Seconds from asking to the proof of the end; then what is left is given back."""
    task = bench.task(process)
    begin = time.perf_counter()
    handle = bench.executor.start(task)
    done = bench.wait(task, 120)
    took = time.perf_counter() - begin
    if done.exit is None or not done.exit.ok:
        raise RuntimeError(done.said)
    bench.executor.release(handle)
    return took


def prepared(title: str, make: Callable[[Path], Executor], times: int, pause: float) -> Found:
    """Both jobs, one executor."""
    found: Found = {}
    with data_folder() as folder, closing(make(folder)) as executor:
        for job in JOBS:
            bench = Bench(executor, folder, PACKAGES[job])
            found[f"{title}, prepared", job] = measure(lambda job=job, bench=bench: once(bench, job), times, pause)
    return found


def cold(title: str, make: Callable[[Path], Executor], times: int) -> Found:
    """The package is imported, but nothing is ready: what is prepared is given to others first."""
    found: Found = {}
    with data_folder() as folder, closing(make(folder)) as executor:
        holding: list[Handle] = []
        for job in JOBS:
            bench = Bench(executor, folder, PACKAGES[job])
            seconds = []
            for _ in range(times + 1):
                if isinstance(executor, LocalExecutor):
                    holding.append(executor.start(bench.task(HOLD[job])))
                    time.sleep(SETTLED_S)  # or the start of the one is measured with the other
                seconds.append(once(bench, job))
                time.sleep(PAUSE_S["local"])
            found[f"{title}, cold", job] = Figures.of(seconds[1:])
        for handle in holding:
            executor.stop(handle, grace=timedelta(0))
            executor.release(handle)
    return found


def local_modes(times: int) -> Found:
    """The levels of this machine."""
    found: Found = {}
    for level in (Level.PROCESS, Level.LANDLOCK, Level.FULL):
        if capabilities().missing[level]:
            continue
        title = "multiprocessing" if level is Level.PROCESS else f"sandbox {level.value}"

        def make(folder: Path, ahead: int, level: Level = level) -> Executor:
            return LocalExecutor(replace(local(folder, level), prepared=ahead))

        found |= prepared(title, lambda folder, make=make: make(folder, 2), times, PAUSE_S["local"])
        found |= cold(title, lambda folder, make=make: make(folder, 0), max(4, times // 3))
    return found


def container_modes(image: str, runtimes: list[str], times: int) -> Found:
    """Docker with each of its runtimes, and the same job by hand."""
    found: Found = {}
    for runtime in runtimes:
        title = f"docker {runtime}".strip()

        def make(folder: Path, ahead: int, runtime: str = runtime) -> Executor:
            return DockerExecutor(dockers.docker(folder, image=image, prepared=ahead, runtime=runtime))

        found |= prepared(title, lambda folder, make=make: make(folder, 2), max(4, times // 2), PAUSE_S["docker"])
        found |= cold(title, lambda folder, make=make: make(folder, 0), max(4, times // 4))
    for job in JOBS:
        found["docker run by hand", job] = measure(lambda job=job: by_hand(image, job), max(4, times // 4), 0)
    return found


def by_hand(image: str, job: str) -> float:
    """Seconds of the command line with the walls that the executor asks for, and no server at all."""
    command = ["docker", "run", "--rm", *HARDENED, "--entrypoint", "python3", image, "-c", BY_HAND[job]]
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def over_http(mode: str, image: str, times: int) -> Found:
    """A synchronous Execute from one client that keeps its connection."""
    found: Found = {}
    with data_folder() as folder:
        port, home = free_port(), fresh(folder / mode)
        home.chmod(0o755)
        packages = ", ".join(f'"{package}"' for package in PACKAGES.values())
        text = CLOCHE.format(port=port, home=home, mode=mode, here=HERE)
        text = text.replace(f'"{HERE}/processes.py"', packages)
        (home / "cloche.toml").write_text(f'{text}image = "{image}"\n' if mode == "docker" else text)
        command = [BIN / "cloche", "serve", "--config", home / "cloche.toml", "--port", str(port)]
        described = f"{port}/wps?service=WPS&request=DescribeProcess&version=1.0.0&identifier=geo"
        with running(command, home, described, {}):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            pause = PAUSE_S["docker" if mode == "docker" else "local"]
            for job in JOBS:
                found[f"{mode} over HTTP", job] = measure(lambda job=job: ask(connection, job), times, pause)
    return found


def ask(connection: http.client.HTTPConnection, job: str) -> float:
    """Seconds to the last byte of the answer."""
    begin = time.perf_counter()
    connection.request("GET", f"/wps?service=WPS&version=1.0.0&request=Execute&identifier={job}")
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200 or b"ProcessSucceeded" not in content:
        raise RuntimeError(content.decode(errors="replace"))
    return time.perf_counter() - begin


def idle_memory(image: str) -> dict[str, float]:
    """Megabytes of what waits for one job (PSS: what is shared counts in parts), the libraries imported."""
    found = {}
    with data_folder() as folder, closing(LocalExecutor(local(folder, Level.FULL))) as executor:
        once(Bench(executor, folder, PACKAGES["geo"]), "geo")
        time.sleep(1)
        supervisors = [pid for pid in tree(os.getpid()) if Path(f"/proc/{pid}/comm").read_text() == "cloche\n"]
        pids = {one for pid in supervisors for one in tree(pid)}
        found["sandbox"] = proportional_bytes(list(pids)) / max(1, len(supervisors)) / 1e6
    if image:
        with data_folder() as folder, closing(DockerExecutor(dockers.docker(folder, image=image))) as executor:
            once(Bench(executor, folder, PACKAGES["geo"]), "geo")
            time.sleep(5)
            waiting = [_main_process(seen.id) for seen in dockers.containers(folder) if seen.state == "running"]
            pids = {one for pid in waiting for one in tree(pid)}
            found["docker"] = proportional_bytes(list(pids)) / max(1, len(waiting)) / 1e6
    return found


def _main_process(container: str) -> int:
    command = ["docker", "inspect", "--format", "{{.State.Pid}}", container]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def show(found: Found, memory: dict[str, float]) -> None:
    """One row a way of running it."""
    console = Console(width=120)
    figures = (f"{job}, {figure} ms" for job in JOBS for figure in ("p50", "p95"))
    table = Table("how", *figures, "times faster than by hand")
    hand = found.get(("docker run by hand", "trivial"))
    for title in dict.fromkeys(title for title, _ in found):
        cells = [f"{value:,.1f}" for job in JOBS for value in (found[title, job].p50, found[title, job].p95)]
        ratio = f"{hand.p50 / found[title, 'trivial'].p50:,.1f}" if hand else ""
        table.add_row(title, *cells, ratio)
    console.print(table)
    for what, megabytes in memory.items():
        console.print(f"{what}: {megabytes:.1f} MB for what waits for one job")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=40, help="executions of each kind")
    parser.add_argument("--runtimes", nargs="*", default=[""], help="OCI runtimes by the daemon's names; '': its own")
    parser.add_argument("--no-docker", action="store_true", help="only the modes of this machine")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    image = ""
    if not arguments.no_docker:
        image = containers.image(containers.engine("docker"), geo=True)
    found = local_modes(arguments.times)
    found |= over_http("sandbox", image, arguments.times)
    if image:
        found |= container_modes(image, arguments.runtimes, arguments.times)
        found |= over_http("docker", image, max(4, arguments.times // 2))
    show(found, idle_memory(image))


if __name__ == "__main__":
    main()
