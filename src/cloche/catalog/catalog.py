"""Descriptions of all packages in one immutable snapshot, replaced whole when code changes."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import structlog

from cloche.model.errors import NoSuchProcess
from cloche.model.process import ProcessDescription
from cloche.ports.catalog import PackageProblem, Published
from cloche.ports.describer import Describer, PackageBroken

logger = structlog.get_logger(__name__)

PATIENCE_S = 30.0
_SHORT_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found of one package: its processes; those of before, if it is broken.

    No fingerprint: look again each time.
    """

    package: str
    fingerprint: str | None
    processes: tuple[ProcessDescription, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that is answered from, consistent in itself."""

    version: int
    looks: tuple[Look, ...] = ()
    processes: tuple[Published, ...] = ()
    by_id: Mapping[str, Published] = field(default_factory=dict)
    problems: tuple[PackageProblem, ...] = ()


class PackageCatalog:
    """Implements ``ports.catalog.Catalog``. Nothing is known before ``start`` or ``refresh``.

    Answers never lock and never wait, and no package waits for another that is slow to import. Of a package that breaks
    while it is served the last description stays, marked as not available: what would be executed is its code as it is
    now. Where two packages publish one identifier the first named wins and the other is a problem.
    ``version`` begins at the clock's seconds, so that it grows over restarts too.
    """

    def __init__(
        self,
        packages: Sequence[str],
        describer: Describer,
        *,
        interval: float = 0.0,
        workers: int = 4,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``interval`` in seconds between looks for changed code; 0 looks only when ``refresh`` is called."""
        self._packages = tuple(dict.fromkeys(packages))
        self._describer = describer
        self._interval = interval
        self._workers = workers
        self._clock = clock
        self._snapshot = Snapshot(version=0)
        self._taking = threading.Lock()
        self._late: set[str] = set()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def processes(self) -> Sequence[Published]:
        return self._snapshot.processes

    def get(self, id: str) -> Published:
        found = self._snapshot.by_id.get(id)
        if found is None:
            raise NoSuchProcess(f"There is no process {id[:100]!r}.", locator=id)
        return found

    def problems(self) -> Sequence[PackageProblem]:
        return self._snapshot.problems

    def version(self) -> int:
        return self._snapshot.version

    def start(self) -> None:
        """Describe all packages, then keep looking for changed code where an interval is set."""
        self.refresh()
        if self._interval > 0 and self._thread is None:
            self._thread = threading.Thread(target=self._keep_fresh, name="catalog", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the looking; a description under way is not waited for long. Idempotent."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
            self._thread = None

    def refresh(self, *, patience: float = PATIENCE_S) -> bool:
        """Look at all packages, several at a time, and describe those whose code changed.

        Broken ones become problems. Returns whether what is published changed. A package that takes longer than
        ``patience`` seconds is no longer waited for; what is found of it is published when it comes.
        """
        before = self._snapshot.version
        known = {look.package: look for look in self._snapshot.looks}
        with self._taking:
            packages = [package for package in self._packages if package not in self._late]
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="catalog")
        looks = {pool.submit(self._look, package, known.get(package)): package for package in packages}
        pool.shutdown(wait=False)
        done, slow = wait(looks, timeout=patience)
        late = [look for look in slow if not look.cancel()]  # what had no turn yet gets one the next time
        self._publish([look.result() for look in done])
        self._miss([looks[look] for look in late], known, patience)
        for look in late:
            look.add_done_callback(lambda found: self._publish([found.result()]))
        return self._snapshot.version != before

    def _miss(self, packages: Sequence[str], known: Mapping[str, Look], patience: float) -> None:
        for package in packages:
            served = package in known
            words = "executions go on with its code of before" if served else "it is served when it has been imported"
            logger.warning("package takes long to import", package=package, seconds=patience, meanwhile=words)
        error = f"not imported yet after {patience:g} s"
        strangers = [package for package in packages if package not in known]
        looks = [Look(package=package, fingerprint=None, error=error) for package in strangers]
        self._publish(looks, late=packages)

    def _publish(self, looks: Sequence[Look], *, late: Sequence[str] = ()) -> None:
        """Answer from what was found from now on; packages that are ``late`` are still being looked at."""
        with self._taking:
            before = self._snapshot
            found = {look.package: look for look in (*before.looks, *looks)}
            self._late = (self._late - {look.package for look in looks}) | set(late)
            self._snapshot = _snapshot(before, [found[name] for name in self._packages if name in found], self._clock)

    def _look(self, package: str, known: Look | None) -> Look:
        fingerprint = None
        try:
            fingerprint = self._describer.fingerprint(package)
            if known is not None and known.fingerprint == fingerprint:
                return known
            described = self._describer.describe(package)
        except PackageBroken as error:
            return _broken(package, fingerprint, str(error) or "broken", known)
        except Exception as error:
            # one package's trouble must not take the others away
            logger.exception("package could not be looked at", package=package)
            return _broken(package, None, f"{type(error).__name__}: {error}", known)
        logger.info("package described", package=package, processes=[p.id for p in described.processes])
        return Look(package=package, fingerprint=described.fingerprint, processes=described.processes)

    def _keep_fresh(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self.refresh(patience=_SHORT_PATIENCE_S)
            except Exception:
                logger.exception("packages could not be looked at")


def _snapshot(before: Snapshot, looks: Sequence[Look], clock: Callable[[], float]) -> Snapshot:
    processes, problems = _merge(looks)
    changed = before.version == 0 or processes != before.processes
    return Snapshot(
        version=max(before.version + 1, int(clock())) if changed else before.version,
        looks=tuple(looks),
        processes=processes,
        by_id={one.description.id: one for one in processes},
        problems=problems,
    )


def _broken(package: str, fingerprint: str | None, error: str, known: Look | None) -> Look:
    processes = known.processes if known else ()
    if known is None or known.error != error:
        event = "package broke: its processes cannot be executed" if processes else "package is not served"
        logger.warning(event, package=package, error=error)
    return Look(package=package, fingerprint=fingerprint, processes=processes, error=error)


def _merge(looks: Sequence[Look]) -> tuple[tuple[Published, ...], tuple[PackageProblem, ...]]:
    """All processes ordered by identifier, and what is wrong."""
    by_id: dict[str, Published] = {}
    problems = []
    for look in looks:
        if look.error:
            problems.append(PackageProblem(package=look.package, error=look.error))
        for description in look.processes:
            own = Published(description=description, package=look.package, available=not look.error)
            first = by_id.setdefault(description.id, own)
            if first.description is not description:
                text = f"Process {description.id} is published by {first.package} already."
                problems.append(PackageProblem(package=look.package, error=text))
    return tuple(by_id[name] for name in sorted(by_id)), tuple(problems)
