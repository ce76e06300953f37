"""Calls that Python has no function for: what they raise."""

import subprocess
import sys
import textwrap

TRY = textwrap.dedent("""
    import errno, os, resource
    from cloche.runner.walls import kernel
    if os.getuid() == 0:
        os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    forks = (
        kernel.fork,
        lambda: kernel.fork_sealed(kernel.thread_id_address()),
    )
    for fork in forks:
        try:
            child = fork()
        except OSError as error:
            print(errno.errorcode.get(error.errno, error.errno), flush=True)
        else:
            os._exit(0) if child == 0 else print("forked", flush=True)
    """)


def test_a_fork_that_the_host_refuses_says_why():
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, timeout=60, check=False)
    # the second one needs a right besides: the kernel says that first
    assert (done.stdout.split()[0], done.stdout.split()[1] in ("EAGAIN", "EPERM")) == ("EAGAIN", True), done
