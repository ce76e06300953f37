"""What this host can do for executions: found out by doing it, never by looking at versions."""

import itertools
import os
import select
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cloche.executors.local.groups import GroupTree
from cloche.executors.local.settings import LocalSettings
from cloche.executors.local.slots import Slots
from cloche.executors.local.zygote import NotStarted, Zygote
from cloche.jobdir.collector import Unsafe, read_untrusted
from cloche.jobdir.files import RecordError, read_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from cloche.jobdir.records import ExitRecord
from cloche.jobdir.workspace import JobDirs
from cloche.model.limits import Limits
from cloche.ports.executor import Refused, Unreachable

_TRIAL_S = 20.0
_NAME = "trial"

# switches that refuse user namespaces to ordinary users: file, refusing value, mend
_SWITCHES = (
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for Python that allows userns",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """``missing``: for each level why it does not work here, or an empty text: it does.

    ``landlock`` is the version of Landlock, 0: none. ``groups`` describes control groups; ``limits`` says for memory,
    processors and processes what enforces them; ``held_by`` what executions are held still with in a pause.
    """

    missing: Mapping[Level, str]
    landlock: int
    groups: str
    limits: Mapping[str, str]
    held_by: str

    def strongest(self, *allowed: Level) -> Level | None:
        """The strongest level that works, of ``allowed`` (all, if empty)."""
        order = (Level.FULL, Level.LANDLOCK, Level.PROCESS)
        return next((level for level in order if level in (allowed or order) and not self.missing[level]), None)


def probe(settings: LocalSettings) -> Capabilities:
    """Run one execution at each level. Takes about a second; leaves nothing behind."""
    answers = {level: _try(replace(settings, level=level)) for level in (Level.FULL, Level.LANDLOCK, Level.PROCESS)}
    tree = GroupTree.open(settings.groups)
    missing = {level: problem for level, (problem, _) in answers.items()}
    if missing[Level.FULL] and (mend := _mend()):
        missing[Level.FULL] += f". Mend: {mend}"
    return Capabilities(
        missing=missing,
        landlock=max(abi for _, abi in answers.values()),
        groups=tree.describe(),
        held_by=tree.held_by(),
        limits={
            "memory": "control group" if tree.limits("memory") else "RLIMIT_AS, for each process by itself",
            "cpus": "control group" if tree.limits("cpu") else "processor affinity, whole processors only",
            "processes": "control group" if tree.limits("pids") else "RLIMIT_NPROC",
        },
    )


def _try(settings: LocalSettings) -> tuple[str, int]:
    """Why the level does not work, or an empty text; and the version of Landlock seen inside."""
    folder = Path(tempfile.mkdtemp(prefix="cloche-trial-"))
    owner = settings.user if os.getuid() == 0 else None
    try:
        jobs = JobDirs(folder, owner)
        jobs.adopt(_NAME, None)
        layout = Layout(jobs.jobdir(_NAME))
        layout.request.write_text("{}")
        zygote = Zygote(replace(settings, jobs=folder / "jobs"), _NAME, network=False, command="trial")
        try:
            return _run(zygote, layout)
        finally:
            zygote.kill()
    except (NotStarted, Refused, Unreachable, OSError, RecordError, Unsafe) as error:
        return str(error), 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(zygote: Zygote, layout: Layout) -> tuple[str, int]:
    if zygote.report.problem:
        return zygote.report.problem, 0
    slots = Slots(zygote, GroupTree(), itertools.repeat(_NAME), Level.FULL, wanted=0)
    try:
        slot = slots.start(layout.root, Limits(run_time=_TRIAL_S))
        poll = select.poll()
        poll.register(slot.connection, select.POLLIN)
        if not poll.poll((_TRIAL_S + 1) * 1000):
            return f"no end within {_TRIAL_S:g} s", 0
    finally:
        slots.close()
    record = read_record(ExitRecord, layout.exit)
    if record is None:
        return "the supervisor died", 0
    if not record.ok:
        return record.message or record.breach, 0
    result = str(layout.result.relative_to(layout.root))
    return "", int(read_untrusted(layout.root, result, max_bytes=10))


def _mend() -> str:
    for name, refusing, mend in _SWITCHES:
        try:
            if Path(name).read_text().strip() == refusing:
                return mend
        except OSError:
            continue
    return ""
