"""One performance of the attacks: a victim server, executions behind some walls, all verdicts as JSON on the last line.

    stage.py LEVEL WHO [LAYER,...] [ATTACK ...]

LEVEL is a level of walls, or ``docker``: containers of the daemon that DOCKER_HOST names. WHO is ``root``, or ``user``:
a server that an ordinary user started, without control groups. LAYERs are walls of level full to leave out
(``lacking.py``), ``-`` for none. ATTACKs are those to perform; all by default. A process of its own, since the victim's
secrets are this process's environment and open files.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from cloche.app import modes
from cloche.executors.docker.executor import DockerExecutor
from cloche.executors.local.executor import LocalExecutor
from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Level
from cloche.model.limits import Limits
from cloche.ports.executor import Executor
from cloche.runner.walls import kernel, view, windows
from dockers import docker
from executions import Bench, Ended, local
from isolation import table
from isolation.judges import ALONE, GATHERED, JUDGES, NUMBERS, PATIENCE, by_word
from isolation.victim import HERE, Victim, set_id_program, victim

NO_GROUPS = "control groups"
_AT_ONCE = 3


class Stage:
    """Attacks as jobs; a sibling with secrets lies beside them. ``costly``: executions take long to start."""

    def __init__(self, executor: Executor, target: Victim, user: tuple[int, int] | None, *, costly: bool) -> None:
        self.facts = target.facts
        self.costly = costly
        self.bench = Bench(executor, target.folder / "data", str(HERE / "attacks"), user)
        sibling = Layout(self.bench.task("daemon", facts="{}").jobdir)
        secrets = [sibling.work / "secret", sibling.inputs / "secret", sibling.lock]
        for path in secrets:
            path.write_text("TOP SECRET")
            path.chmod(0o600)
            if user is not None:
                os.chown(path, *user)
        self.facts["other_job"] = [*map(str, secrets[:2]), str(sibling.request)]
        self.facts["other_lock"] = str(sibling.lock)
        self.facts["known_names"] = [*target.facts["known_names"], str(secrets[0])]
        self.facts["outside"] = [*target.facts["outside"], str(sibling.work)]

    def run(self, name: str, limits: Limits = PATIENCE, **more: object) -> Ended:
        return self.bench.run(name, limits, facts=json.dumps(self.facts | NUMBERS), **more)

    def verdicts(self, wanted: Sequence[str]) -> dict[str, str]:
        """Every attack's verdict, or those of ``wanted``; several at once where they do not disturb each other.

        Where executions are costly, those attacks that have the last word themselves are made in one. That can hide
        nothing: an attack that changes what others meet has come through, and is seen.
        """
        known = table.attacks()
        assert set(JUDGES) <= set(known), set(JUDGES) - set(known)
        names = [name for name in sorted(known) if not wanted or name in wanted]
        together = [name for name in names if self.costly and name in GATHERED]
        found = json.loads(self.run("several", names=json.dumps(together)).value) if together else {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found |= dict(pool.map(self._judged, (n for n in names if n not in ALONE and n not in found)))
        return found | dict(map(self._judged, (name for name in names if name in ALONE)))

    def _judged(self, name: str) -> tuple[str, str]:
        return name, JUDGES.get(name, by_word())(self, name)


def local_executor(target: Victim, level: Level, layers: Sequence[str], *, groups: bool) -> LocalExecutor:
    """Behind walls of ``level`` without ``layers``."""
    made = local(target.folder / "data", level)
    lacking = [layer for layer in layers if layer != NO_GROUPS]
    runner = made.runner
    if lacking:
        runner = (sys.executable, "-I", str(HERE / "lacking.py"), ",".join(lacking))
    return LocalExecutor(
        replace(
            made,
            hidden=(target.folder,),
            readable=(target.programs,),
            user=account(),
            groups=None if groups and NO_GROUPS not in layers else "",
            runner=runner,
        )
    )


def docker_executor(target: Victim) -> DockerExecutor:
    """In containers of the daemon that the environment names."""
    return DockerExecutor(docker(target.folder / "data", user=account(), prepared=1))


def account() -> tuple[int, int] | None:
    """Whom executions run as."""
    return (stranger(), stranger()) if os.getuid() == 0 else None


def stranger() -> int:
    """A user of this performance alone: what the kernel counts by user must not disturb others at the same time."""
    return 100_000 + os.getpid()


def become(uid: int, folders: Sequence[Path]) -> None:
    """Let go of root for good, with a way to Python and the code where they lie in closed directories."""
    root = HERE.parents[1]
    needed = [*view.view_of(view.Code(own=(HERE,)), readable=(str(root),)).readable, *map(str, folders)]
    windows.open_windows(needed, str(folders[0]), uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def main(level: str, who: str, layers: str = "-", *attacks: str) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # as of a login
    modes.allow_descriptors()
    left_out = [] if layers == "-" else layers.split(",")
    folder, programs = (Path(tempfile.mkdtemp(prefix=f"cloche-{name}-", dir="/var/tmp")) for name in ("stage", "tools"))
    folder.chmod(0o711)
    programs.chmod(0o755)
    set_id_program(programs)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if who == "user" and os.getuid() == 0:
                os.chown(folder, stranger(), stranger())
                become(stranger(), (folder, programs))
            with victim(folder, programs, same_user=os.getuid() != 0) as target:
                if level == "docker":
                    executor: Executor = docker_executor(target)
                else:
                    executor = local_executor(target, Level(level), left_out, groups=who == "root")
                perform(Stage(executor, target, account(), costly=level == "docker"), attacks)
            code = 0
        except BaseException:  # noqa: BLE001 - a forked child's last edge
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    for path in (folder, programs):
        shutil.rmtree(path, ignore_errors=True)
    sys.exit(os.waitstatus_to_exitcode(status))


def perform(stage: Stage, attacks: Sequence[str]) -> None:
    try:
        if isinstance(stage.bench.executor, LocalExecutor):
            stage.bench.executor.describe(stage.bench.package)  # nobody is asked to come again while it is imported
        print("\n" + json.dumps(stage.verdicts(attacks)))
    finally:
        stage.bench.executor.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
