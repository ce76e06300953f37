"""What the operator sets for single processes, put over what their authors say (``[processes.ID]``)."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from msgspec.structs import asdict

from cloche.app.settings import DOCKER, MODES, Limits, Process, ProcessLimits
from cloche.model.limits import Limits as ModelLimits
from cloche.model.process import ProcessDescription
from cloche.ports.describer import Describer, PackageDescription

NAMES = {
    "memory": "memory",
    "cpus": "cpus",
    "cputime": "cpu_time",
    "processes": "processes",
    "time": "run_time",
    "queuetime": "queue_time",
    "filesize": "file_size",
    "outputsize": "output_size",
    "outputs": "outputs",
    "openfiles": "open_files",
    "scratch": "scratch",
    "logsize": "log_size",
    "freespace": "free_space",
}
"""Settings to fields of the model."""

_STRENGTH = (*MODES, DOCKER)


class DividedDescriber:
    """A describer for ``inside``, the packages that live in images, and one for all others."""

    def __init__(self, images: Describer, others: Describer, inside: Collection[str]) -> None:
        self._images = images
        self._others = others
        self._inside = frozenset(inside)

    def describe(self, package: str) -> PackageDescription:
        found = self._of(package).describe(package)
        if package not in self._inside:
            return found
        # it can be executed nowhere else
        return replace(found, processes=tuple(replace(process, mode=DOCKER) for process in found.processes))

    def fingerprint(self, package: str) -> str:
        return self._of(package).fingerprint(package)

    def _of(self, package: str) -> Describer:
        return self._images if package in self._inside else self._others


class OverridingDescriber:
    """A describer whose descriptions carry the operator's overrides."""

    def __init__(self, describer: Describer, overrides: Mapping[str, Process], *, mode: str) -> None:
        self._describer = describer
        self._overrides = overrides
        self._mode = mode

    def describe(self, package: str) -> PackageDescription:
        found = self._describer.describe(package)
        return replace(found, processes=tuple(self._overridden(process) for process in found.processes))

    def fingerprint(self, package: str) -> str:
        return self._describer.fingerprint(package)

    def _overridden(self, process: ProcessDescription) -> ProcessDescription:
        override = self._overrides.get(process.id, Process())
        return replace(
            process,
            mode=override.mode or stronger(process.mode, self._mode),
            image=override.image or process.image,
            parallel=override.parallelprocesses or process.parallel,
            limits=replace(process.limits, **_given(override.limits)),
        )


def stronger(asked: str | None, server: str) -> str | None:
    """An author may ask for stronger walls than the server's, never for weaker ones; None is the server's."""
    if asked in _STRENGTH and server in _STRENGTH and _STRENGTH.index(asked) <= _STRENGTH.index(server):
        return None
    return asked


def limits(settings: Limits) -> ModelLimits:
    """``[limits]`` as the model knows them."""
    return ModelLimits(**_given(settings))


def _given(settings: Limits | ProcessLimits) -> dict[str, Any]:
    """Only what is set: 0 is no limit."""
    return {NAMES[name]: value for name, value in asdict(settings).items() if value}
