"""The soak of ``bench.soak``, small: jobs of every fate, the server killed at random moments."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench.soak import leftovers
from bench.soak.http import Answer, Line
from bench.soak.plan import KINDS, Item, deaths, plan
from bench.soak.server import Server
from bench.soak.tongues import TONGUES
from bench.soak.verdict import tally

import needs
from cloche.executors._processes import pids
from cloche.executors.local.groups import GroupTree
from cloche.jobdir.orders import Level
from cloche.model.job import Event, Failure, FailureKind
from cloche.model.state import State
from executions import capabilities
from jobs import a_job

ROOT = Path(__file__).resolve().parents[2]
JOBS, KILLS = 120, 3


@pytest.mark.timeout(600)
def test_jobs_of_every_fate_end_once_and_leave_nothing_although_the_server_is_killed(tmp_path):
    """A process of its own: it is made the heir of whatever servers leave behind."""
    found = capabilities().strongest(Level.FULL, Level.LANDLOCK)
    needs.need("mode-sandbox", when=found is not None, reason="it does not work here")
    written = tmp_path / "tally.json"
    command = [sys.executable, "-m", "bench.soak", "--jobs", JOBS, "--kills", KILLS, "--sweep", 0, "--json", written]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=590, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    tally = json.loads(written.read_text())
    assert (tally["problems"], tally["kills"]) == ([], KILLS)
    assert sum(row["jobs"] for row in tally["ends"]) == JOBS
    assert len({row["kind"] for row in tally["ends"]}) == len(KINDS)


def test_a_plan_has_every_kind_and_is_the_same_again():
    items = plan(2000, 5)
    assert items == plan(2000, 5) != plan(2000, 6)
    assert {item.kind for item in items} == set(KINDS)
    assert len({item.text for item in items}) == len(items) == 2000
    assert {item.tongue.name for item in items} == {tongue.name for tongue in TONGUES}
    assert len(deaths(2000, 20, 5)) == 20


def test_processes_that_are_left_are_seen_even_when_they_stand_still():
    left = subprocess.Popen(["sleep", "60"])
    try:
        left.send_signal(signal.SIGSTOP)
        assert [one for one in leftovers.processes() if one.startswith(f"{left.pid}: ")]
    finally:
        left.kill()
        left.wait()


def test_control_groups_that_are_left_are_seen_in_every_hierarchy():
    tree = GroupTree.open(None)
    needs.need("groups", when=not tree.missing or tree.unified is not None, reason=tree.missing)
    left = subprocess.Popen(["sleep", "60"])
    generation = (left.pid, pids.start_ticks(left.pid))
    left.kill()
    left.wait()
    name = f"{generation[0]}-{generation[1]}-0-0"
    try:
        tree.create(name, ("memory", "pids")).close()
        assert len(leftovers.control_groups([generation])) == (1 if tree.unified is not None else 2)
        leftovers.sweep([(1, 1)])
        assert leftovers.control_groups([generation])
        leftovers.sweep([generation])
        assert not leftovers.control_groups([generation])
    finally:
        tree.remove(name)


def test_files_that_are_left_are_seen(tmp_path):
    server = Server(tmp_path, mode="sandbox", parallel=1)
    for folder in ("jobs/one/work", "jobs/told/ctl", "jobs/twice/ctl", "results/one", "results/two", "intake/x"):
        (server.datadir / folder).mkdir(parents=True)
    (server.datadir / "jobs/told/ctl/stdout.log").write_text("told a\n")
    (server.datadir / "jobs/twice/ctl/stdout.log").write_text("told b\ntold b\n")
    (server.home / "tmp/forgotten").touch()
    printed = {"told": "told a\n", "twice": "told b\n"}
    found = list(leftovers.files(server, printed=printed, succeeded={"two"}))
    assert len(found) == 5
    for sign in ("directory one with ['work']", "log of twice", "result of one", "intake/x", "tmp/forgotten"):
        assert any(sign in one for one in found), sign
    assert len(list(leftovers.nothing_remembered(server))) == 5
    assert not [one for one in leftovers.sockets(server) if "listens" in one]


def judged(job, states, kind="fails by ProcessError", answer=""):
    kind = next(one for one in KINDS if one.name == kind)
    tongue = replace(TONGUES[0], result=lambda line, job: Answer(200, answer))
    item = Item(text="mine", kind=kind, tongue=tongue, seconds=0, waits=False)
    events = [Event(job=job.id, number=n, time=datetime.now(UTC), state=state) for n, state in enumerate(states)]
    return tally([(job, events)], {job.id: item}, Line(1)).problems


def test_a_wrong_end_is_seen():
    way = [State.ACCEPTED, State.STARTING, State.RUNNING]
    failed = replace(a_job("refuse"), state=State.FAILED)
    right = replace(failed, failure=Failure(kind=FailureKind.PROCESS, text="refused mine"))
    assert judged(right, [*way, State.FAILED]) == []
    assert "not end once" in judged(right, [*way, State.FAILED, State.FAILED])[0]
    assert "moved as it must not" in judged(right, [State.ACCEPTED, State.RUNNING, State.FAILED])[0]
    lost = replace(failed, failure=Failure(kind=FailureKind.LOST, text="refused mine"))
    assert "another reason" in judged(lost, [*way, State.FAILED])[0]
    assert "is failed, not dismissed" in judged(right, [*way, State.FAILED], "dismissed at once")[0]
    done = replace(a_job("say"), state=State.SUCCEEDED)
    way += [State.FINISHING, State.SUCCEEDED]
    assert judged(done, way, "succeeds", "mine and mine") == []
    assert "cannot be read" in judged(done, way, "succeeds", "mine only")[0]
    assert "nobody asked" in tally([(done, [])], {}, Line(1)).problems[0]
    item = plan(13, 1)[0]
    assert "is not there" in tally([], {"gone": item}, Line(1)).problems[0]
