"""Whom executions run as on this host."""

import os
import pwd

from cloche.app.settings import Settings


class CannotServe(Exception):
    """The settings ask for what this host cannot do; the text names the mend."""


def owner(settings: Settings) -> tuple[int, int] | None:
    """Whom executions run as where the server is root. Raises CannotServe."""
    if os.geteuid() != 0:
        return None
    name = settings.processing.user
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise CannotServe(f"[processing] user: there is no account {name!r}; create it or name another") from None
    if account.pw_uid == 0:
        raise CannotServe("[processing] user: executions never run as root; name another account")
    return account.pw_uid, account.pw_gid
