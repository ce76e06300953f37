"""Executors for tests."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloche.jobdir.files import write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import ExitRecord, LiteralResult, ResultOutput, ResultRecord
from cloche.ports.executor import Handle, Phase, Sighting, Task


class ScriptedExecutor:
    """Runs nothing: the test says what is seen and writes what executions leave."""

    name = "fake"

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.phases: dict[str, Phase] = {}
        self.calls: list[tuple[str, str]] = []
        self.errors: dict[str, Exception] = {}
        self.on_change: Callable[[str], None] = lambda _: None

    def _call(self, verb: str, key: str) -> None:
        self.calls.append((verb, key))
        if verb in self.errors:
            raise self.errors[verb]

    def called(self, verb: str) -> list[str]:
        return [key for name, key in self.calls if name == verb]

    def start(self, task: Task) -> Handle:
        self._call("start", task.key)
        self.tasks[task.key] = task
        self.phases.setdefault(task.key, Phase.RUNNING)
        return Handle(key=task.key, native=f"native {task.key}")

    def find(self, key: str, jobdir: Path) -> Handle | None:
        self._call("find", key)
        return Handle(key=key, native=f"native {key}") if key in self.tasks else None

    def poll(self, handles: Iterable[Handle]) -> Mapping[Handle, Sighting]:
        handles = list(handles)
        for handle in handles:
            self._call("poll", handle.key)
        return {h: Sighting(phase=self.phases.get(h.key, Phase.GONE), detail="said the fake") for h in handles}

    def stop(self, handle: Handle, *, grace: timedelta) -> None:
        self._call("stop", handle.key)

    def collect(self, handle: Handle, into: Path) -> None:
        self._call("collect", handle.key)

    def release(self, handle: Handle) -> None:
        self._call("release", handle.key)

    def listen(self, on_change: Callable[[str], None]) -> None:
        self.on_change = on_change

    def close(self) -> None:
        pass

    # what tests do in the place of a supervisor

    def leave(self, key: str, result: ResultRecord | None = None, **exit: Any) -> None:
        """The execution ends: with a literal output unless something else is said."""
        layout = Layout(self.tasks[key].jobdir)
        if result is None and exit.get("ok", True):
            result = ResultRecord(outputs=(ResultOutput(id="text", value=LiteralResult(value="done")),))
        if result is not None:
            write_record(layout.result, result)
        write_record(layout.exit, ExitRecord(**{"ok": True, "code": 0} | exit))
        self.vanish(key)

    def vanish(self, key: str, *, push: bool = True) -> None:
        self.phases[key] = Phase.GONE
        if push:
            self.on_change(key)


class PausableExecutor(ScriptedExecutor):
    def pause(self, handle: Handle) -> None:
        self._call("pause", handle.key)
        self.phases[handle.key] = Phase.PAUSED

    def resume(self, handle: Handle) -> None:
        self._call("resume", handle.key)
        self.phases[handle.key] = Phase.RUNNING


class ProcessExecutor:
    """Runs ``fake_supervisor`` as a process of its own that outlives us; pushes nothing."""

    name = "fake"
    program = (sys.executable, str(Path(__file__).with_name("fake_supervisor.py")))

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, task: Task) -> Handle:
        program = [*self.program, str(task.jobdir)]
        self._started.append(subprocess.Popen(program, start_new_session=True, stdin=subprocess.DEVNULL))
        return Handle(key=task.key, native=str(task.jobdir))

    def find(self, key: str, jobdir: Path) -> Handle | None:
        return Handle(key=key, native=str(jobdir)) if Layout(jobdir).started.exists() else None

    def poll(self, handles: Iterable[Handle]) -> Mapping[Handle, Sighting]:
        return {handle: self._sight(Layout(Path(handle.native))) for handle in handles}

    def _sight(self, layout: Layout) -> Sighting:
        if not layout.started.exists():
            return Sighting(phase=Phase.QUEUED)
        descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Sighting(phase=Phase.RUNNING)
        finally:
            os.close(descriptor)
        return Sighting(phase=Phase.GONE, detail="its lock is free")

    def stop(self, handle: Handle, *, grace: timedelta) -> None:
        pass

    def collect(self, handle: Handle, into: Path) -> None:
        pass

    def release(self, handle: Handle) -> None:
        pass

    def listen(self, on_change: Callable[[str], None]) -> None:
        pass

    def close(self) -> None:
        for process in self._started:
            process.wait()
