"""The daemon that makes containers, over Docker's API (podman speaks it too): every call ends within a set time."""

import contextlib
import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import requests
from docker.api.client import APIClient
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env

from cloche.executors.docker.stream import Attached
from cloche.ports.executor import Unreachable

P = ParamSpec("P")
R = TypeVar("R")

_SERVER_ERROR = 500


class Missing(Exception):
    """The daemon answered: there is no such container or image."""


class Denied(Exception):
    """The daemon answered that it will not or cannot do it; the text is its own. ``conflict``: because of the state."""

    def __init__(self, text: str, *, conflict: bool = False) -> None:
        super().__init__(text)
        self.conflict = conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A container as the daemon lists it: ``state`` created, running, paused, exited, dead, ..."""

    id: str
    state: str
    words: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What the daemon knows of one container. ``pid`` 0: it does not run."""

    pid: int
    state: str
    exit_code: int
    oom: bool
    error: str


def _answered(call: Callable[P, R]) -> Callable[P, R]:
    """Turns the library's errors into ours: Missing, Denied, Unreachable."""

    @functools.wraps(call)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except NotFound as error:
            raise Missing(str(error.explanation or error)) from None
        except APIError as error:
            text = str(error.explanation or error)
            if "no such container" in text.lower():  # podman, where it went away while it was looked at
                raise Missing(text) from None
            raise Denied(text, conflict=error.status_code in (304, 409)) from None
        except (DockerException, requests.RequestException, OSError) as error:
            raise Unreachable(f"the container daemon could not be asked: {error}") from None

    return asked


class _Client(APIClient):
    """Lets go of its connection where it could not ask for the version, and so never came to be."""

    def _retrieve_server_version(self) -> str:
        try:
            return str(super()._retrieve_server_version())  # type: ignore[misc] # not in the stubs
        except BaseException:
            self.close()
            raise


class Daemon:
    """One daemon. Every method from any thread; each raises Missing, Denied or Unreachable."""

    def __init__(self, host: str, *, call_timeout_s: float, start_timeout_s: float) -> None:
        """Nothing is asked yet. ``call_timeout_s`` is for what takes milliseconds, ``start_timeout_s`` for the rest."""
        self._host = host
        self._timeouts = (call_timeout_s, start_timeout_s)
        self._clients: tuple[APIClient, APIClient] | None = None
        self._lock = threading.Lock()

    @_answered
    def version(self) -> dict[str, Any]:
        """What the daemon says of itself."""
        return self._quick().version()

    @_answered
    def info(self) -> dict[str, Any]:
        """More of that."""
        return self._quick().info()

    @_answered
    def image(self, name: str) -> str:
        """The identifier of the image that the name means now."""
        return str(self._quick().inspect_image(name)["Id"])  # type: ignore[no-untyped-call]

    @_answered
    def create(self, name: str, config: dict[str, Any]) -> str:
        """Make a container; its identifier."""
        made = self._slow().create_container_from_config(config, name)  # type: ignore[no-untyped-call]
        return str(made["Id"])

    @_answered
    def attach(self, container: str) -> Attached:
        """Its standard streams, before it is started."""
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        return Attached(self._quick().attach_socket(container, params=params))

    @_answered
    def start(self, container: str) -> None:
        self._slow().start(container)

    @_answered
    def inspect(self, container: str) -> Inside:
        state = self._quick().inspect_container(container)["State"]
        return Inside(
            pid=int(state.get("Pid") or 0),
            state=str(state.get("Status", "")),
            exit_code=int(state.get("ExitCode") or 0),
            oom=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
        )

    @_answered
    def labelled(self, label: str) -> list[Seen]:
        """Every container that carries the label, in whatever state."""
        found = self._quick().containers(all=True, filters={"label": [label]})
        return [
            Seen(id=str(c["Id"]), state=str(c["State"]), words=str(c["Status"]), labels=c.get("Labels") or {})
            for c in found
        ]

    @_answered
    def signal(self, container: str, number: int) -> None:
        self._quick().kill(container, number)

    @_answered
    def pause(self, container: str) -> None:
        self._quick().pause(container)

    @_answered
    def unpause(self, container: str) -> None:
        self._quick().unpause(container)

    @_answered
    def remove(self, container: str) -> None:
        """End and remove it; nothing where there is none."""
        with contextlib.suppress(NotFound):
            self._slow().remove_container(container, v=True, force=True)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            clients, self._clients = self._clients or (), None
        for client in clients:
            client.close()

    def _quick(self) -> APIClient:
        return self._connected()[0]

    def _slow(self) -> APIClient:
        return self._connected()[1]

    def _connected(self) -> tuple[APIClient, APIClient]:
        with self._lock:
            if self._clients is None:
                quick, slow = (self._client(timeout) for timeout in self._timeouts)
                self._clients = (quick, slow)
            return self._clients

    def _client(self, timeout: float) -> APIClient:
        """Asks the daemon for its version, to speak it."""
        given: dict[str, Any] = {"base_url": self._host} if self._host else {**kwargs_from_env()}
        return _Client(**given, version="auto", timeout=round(timeout) or 1, max_pool_size=32)
