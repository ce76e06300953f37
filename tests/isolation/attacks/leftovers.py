"""What an execution leaves behind, and who reads it."""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from cloche.process import process

from ._means import Facts, Verdict


@process
def daemon(facts: Facts) -> Verdict:
    """Leave a process behind that goes on writing; the driver looks whether it lived on."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(0, 64)
        while True:
            with Path("alive").open("a") as file:
                file.write("x")
            time.sleep(0.01)
    os.waitpid(child, 0)
    while not Path("alive").exists():
        time.sleep(0.005)
    return "left"


@process
def exec_leftover(facts: Facts) -> Verdict:
    """Leave a program behind that was executed anew, in a session of its own."""
    subprocess.Popen(
        ["/bin/sh", "-c", "while :; do echo x >> alive; sleep 0.01; done"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not Path("alive").exists():
        time.sleep(0.005)
    return "left"


@process
def rig_outputs(facts: Facts) -> Verdict:
    """Lay out files that would lead a careless server elsewhere; the driver looks what the collector takes."""
    secret = json.loads(facts)["server_files"][0]
    out = Path("out")
    (out / "link").symlink_to(secret)
    (out / "folder").symlink_to(Path(secret).parent)
    (out / "environ").symlink_to("/proc/self/environ")
    (out / "new\nline").symlink_to(secret)
    os.symlink(secret, b"out/no\xff\xfetext")  # noqa: PTH211 - bytes are no text
    os.mkfifo(out / "fifo")
    (out / "plain").write_text("x")
    os.link(out / "plain", out / "hard")
    (out / "plain").rename("elsewhere")
    with (out / "sparse").open("wb") as file:
        file.truncate(1 << 42)
    return "links, pipes and giants are laid out"


@process
def rig_result(facts: Facts, variant: str) -> Verdict:
    """Leave a result that breaks who reads it; the driver looks what the server makes of it."""
    variant = json.loads(f'"{variant}"')
    result = Path("result.json")
    match variant:
        case "giant":
            with result.open("wb") as file:
                file.truncate(1 << 40)
        case "deep":
            result.write_text('{"outputs":' + "[" * 200_000 + "]" * 200_000 + "}")
        case "number":
            result.write_text('{"outputs":[],"failure":' + "9" * 100_000 + "}")
        case "bytes":
            result.write_bytes(b'{"outputs":[{"id":"\xff\xfe\x00"}]}')
        case "pipe":
            os.mkfifo(result)
        case "folder":
            result.mkdir()
        case "link":
            result.symlink_to(json.loads(facts)["server_files"][0])
        case _:
            file = {"$type": "FileResult", "file": variant, "format": {"media_type": "text/plain"}}
            result.write_text(json.dumps({"outputs": [{"id": "result", "value": file}]}))
    os._exit(0)


@process
def swap_progress(facts: Facts) -> Verdict:
    """Swap the file that the server reads while it runs for links and pipes, and back; the driver reads."""
    secret = json.loads(facts)["server_files"][0]
    progress = Path("progress.jsonl")
    Path("a").symlink_to(secret)
    os.mkfifo("b")
    Path("c").write_text('{"percent": 50, "message": "mine"}\n')
    Path("begun").touch()
    until = time.monotonic() + json.loads(facts)["hold"]
    while time.monotonic() < until:
        for name in "abc":
            os.link(name, "next", follow_symlinks=False)
            os.replace("next", progress)  # noqa: PTH105 - as fast as can be
            progress.unlink(missing_ok=True)
    return "swapped"


@process
def lease_progress(facts: Facts) -> Verdict:
    """Hold a lease on the file that the server reads while it runs: who opens it is kept waiting; the driver opens."""
    progress = Path("progress.jsonl")
    descriptor = os.open(progress, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        held = "held"
    except OSError as error:
        held = errno.errorcode[error.errno or 0]
    Path("begun").touch()
    time.sleep(json.loads(facts)["hold"])
    return held


@process
def deep_tree(facts: Facts) -> Verdict:
    """Leave a tree that is hard to remove: deep, closed, with names that are no text; the driver removes it."""
    here = os.open(".", os.O_RDONLY)
    for number in range(20_000):
        name = b"\xff\n%d" % number
        os.mkdir(name)  # noqa: PTH102 - bytes are no text
        os.chdir(name)
    os.fchdir(here)
    for number in range(200):
        Path(f"closed/{number}/x").mkdir(parents=True)
        Path(f"closed/{number}").chmod(0)
    Path("closed").chmod(0)
    chattr = shutil.which("chattr")
    if chattr:
        Path("fixed").touch()
        subprocess.run([chattr, "+ia", "fixed"], check=False, stderr=subprocess.DEVNULL)
    os._exit(0)
