"""Files of this machine that references may name: regular ones below the directories that the operator shares."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit


class NotShared(Exception):
    """There is no such file among the shared ones; whether it is absent, elsewhere or not a regular file stays here."""


def open_shared(href: str, directories: Sequence[Path]) -> int:
    """A descriptor of the file behind a ``file:`` address, judged by where it really lies. Raises NotShared.

    The file is pinned before it is judged, so links that change meanwhile lead nowhere else; nothing that is not a
    regular file is ever opened.
    """
    try:
        pinned = os.open(_path(href), os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise NotShared from None
    try:
        link = Path(f"/proc/self/fd/{pinned}")
        real = link.readlink()
        below = any(real.is_relative_to(os.path.realpath(directory)) for directory in directories)
        if not below or not stat.S_ISREG(os.fstat(pinned).st_mode):
            raise NotShared
        return os.open(link, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise NotShared from None
    finally:
        os.close(pinned)


def _path(href: str) -> str:
    parts = urlsplit(href)
    path = unquote(parts.path, errors="strict")
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not path.startswith("/"):
        raise ValueError(href)
    return path
