"""Files that are not the execution's own."""

import errno
import fcntl
import json
import os
from pathlib import Path

from cloche.process import process

from ._means import Facts, Verdict, attempt, read, verdict


@process
def read_other_job(facts: Facts) -> Verdict:
    """Read another execution's inputs and work files."""
    return verdict(read(path) for path in json.loads(facts)["other_job"])


@process
def list_jobs(facts: Facts) -> Verdict:
    """Learn which other jobs there are."""
    known = json.loads(facts)
    try:
        names = {path.name for path in Path(known["jobs"]).iterdir()} - {Path.cwd().parent.name}
    except OSError as error:
        return f"blocked: {error}"
    return f"open: {sorted(names)}" if names else "blocked: only itself"


@process
def read_server_files(facts: Facts) -> Verdict:
    """Read the server's database, configuration and keys."""
    return verdict(read(path) for path in json.loads(facts)["server_files"])


@process
def read_host_files(facts: Facts) -> Verdict:
    """Read private files of the host and of the server's user."""
    known = json.loads(facts)
    own = "/etc/shadow" if known["shares_host_files"] else known["private_files"][0]
    return verdict(read(path) for path in [own, *known["private_files"]])


@process
def see_names(facts: Facts) -> Verdict:
    """Learn that a file of the server exists, and how large it is."""
    return verdict(attempt(path, Path(path).stat) for path in json.loads(facts)["known_names"])


@process
def ways_round(facts: Facts) -> Verdict:
    """Reach files round the walls: through other roots and directories in /proc, through descriptors opened anew."""
    secret = json.loads(facts)["server_files"][0]
    roots = ["self", "1", str(os.getppid())]
    attempts = [read(f"/proc/{pid}/root{secret}") for pid in roots]
    attempts += [read(f"/proc/{os.getppid()}/cwd/../{name}") for name in ("ctl/started.json", "../../cloche.db")]
    request = os.open(Path.cwd().parent / "request.json", os.O_PATH)

    def again() -> None:
        os.close(os.open(f"/proc/self/fd/{request}", os.O_RDWR))

    return verdict([*attempts, attempt("descriptor", again)])


@process
def write_outside(facts: Facts) -> Verdict:
    """Write anywhere but in the work directory."""

    def write(folder: str) -> str:
        path = Path(folder) / f"trace-{os.getpid()}"
        outcome = attempt(folder, lambda: path.write_text("was here"))
        if outcome.startswith("open"):
            path.unlink()
        return outcome

    return verdict(write(folder) for folder in json.loads(facts)["outside"])


@process
def change_request(facts: Facts) -> Verdict:
    """Change the own request or inputs."""
    jobdir = Path.cwd().parent
    return verdict(
        [
            attempt("request.json", lambda: (jobdir / "request.json").open("a").close()),
            attempt("in", lambda: (jobdir / "in/new").write_text("x")),
            attempt("rename", lambda: (jobdir / "request.json").rename(jobdir / "work/request.json")),
        ]
    )


@process
def forge_evidence(facts: Facts) -> Verdict:
    """Write the own exit record in the supervisor's stead, or another beginning, or more log than allowed."""
    ctl = Path.cwd().parent / "ctl"

    def forge() -> None:
        (ctl / "forged").write_text('{"ok": true}')
        (ctl / "forged").unlink()

    return verdict(
        [
            attempt("exit.json", forge),
            attempt("started.json", lambda: (ctl / "started.json").open("a").close()),
            attempt("log", lambda: (ctl / "stdout.log").open("a").close()),
        ]
    )


@process
def hold_lock(facts: Facts) -> Verdict:
    """Hold the lock of another execution's supervisor, so that it never begins."""

    def hold() -> None:
        with Path(json.loads(facts)["other_lock"]).open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    return attempt("lock", hold)


@process
def set_id_file(facts: Facts) -> Verdict:
    """Leave a set-user-id program behind."""
    path = Path("program")
    path.write_text("x")

    def mark() -> None:
        path.chmod(0o4755)
        if not path.stat().st_mode & 0o4000:
            raise PermissionError(errno.EPERM, "the bit was dropped")

    def make() -> None:
        descriptor = os.open("program2", os.O_CREAT | os.O_WRONLY, 0o4755)
        if not os.fstat(descriptor).st_mode & 0o4000:
            raise PermissionError(errno.EPERM, "the bit was dropped")

    outcome = verdict([attempt("chmod", mark), attempt("open", make)])
    for name in ("program", "program2"):
        Path(name).unlink(missing_ok=True)
    return outcome
