"""The soak of ``bench.soak``, small: jobs of every fate, the server killed at random moments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import needs
from cloche.jobdir.orders import Level
from executions import capabilities

ROOT = Path(__file__).resolve().parents[2]
JOBS, KILLS = 120, 3
KINDS = 13


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
    assert len({row["kind"] for row in tally["ends"]}) == KINDS
