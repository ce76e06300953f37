"""A container image of this host's own Python and Cloche, without a registry; kept by its content."""

import contextlib
import functools
import hashlib
import io
import re
import subprocess
import tarfile
from pathlib import Path

import docker

SOURCE = Path(__file__).resolve().parent.parent / "src" / "cloche"
PYTHON = Path("/usr/bin/python3.11")
_ENV = "PATH=/usr/local/bin:/usr/bin:/bin"


@functools.cache
def image(host: str | None = None) -> str:
    """The image's name; made where the daemon does not have it."""
    with contextlib.closing(docker.DockerClient(base_url=host) if host else docker.from_env()) as client:
        return _made(client)


def _made(client: docker.DockerClient) -> str:
    with_client = client.images
    source = {path: path.read_bytes() for path in sorted(SOURCE.rglob("*.py"))}
    digest = hashlib.sha256(b"".join(b"%s\0%s\0" % (str(p).encode(), d) for p, d in source.items())).hexdigest()[:12]
    name = f"cloche-quick:2-{digest}"
    try:
        with_client.get(name)
    except docker.errors.ImageNotFound:
        repository, tag = name.split(":")
        client.api.import_image_from_data(_tar(), repository=repository, tag=tag, changes=[f"ENV {_ENV}"])
        if client.api.version()["Components"][0]["Name"] == "Podman Engine":  # it leaves the tag out
            with_client.get(f"{repository}:latest").tag(repository, tag)
    return name


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=False) as tar:
        for folder in ("tmp", "job", "proc", "sys", "dev", "etc", "usr", "usr/bin", "usr/lib", "root"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for link, target in (
            ("bin", "usr/bin"),
            ("lib", "usr/lib"),
            ("lib64", "usr/lib64"),
            ("usr/bin/python3", "python3.11"),
        ):
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
        tar.add(PYTHON, "usr/bin/python3.11")
        for program in ("sh", "sleep"):
            tar.add(Path("/bin", program).resolve(), f"usr/bin/{program}")
        tar.add("/usr/lib/python3.11", "usr/lib/python3.11", filter=_library)
        for library in _libraries():
            tar.add(Path(library).resolve(), f"usr{library}" if library.startswith("/lib") else library.lstrip("/"))
        tar.add(SOURCE, "usr/lib/python3/dist-packages/cloche", filter=_library)
    return buffer.getvalue()


def _libraries() -> list[str]:
    extensions = [str(p) for p in Path("/usr/lib/python3.11/lib-dynload").glob("*.so")]
    said = subprocess.run(["ldd", str(PYTHON), *extensions], capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r"(/[^ :]+\.so[^ :]*) \(0x", said)))


def _library(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(entry.name).parts
    return None if {"test", "__pycache__", "idlelib", "tkinter"} & set(parts) else entry
