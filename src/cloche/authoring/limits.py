"""Limits as an author writes them."""

from dataclasses import dataclass

from cloche.authoring.errors import DeclarationError
from cloche.model import limits as model
from cloche.model.quantities import bytes_of, seconds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one execution may use, never more than the server allows; left out: the server's own limit.

    Sizes are texts such as ``"1GiB"`` or bytes, times texts such as ``"10min"`` or seconds. ``time`` is the wall time
    of the run itself, ``queue_time`` how long it may wait before.
    """

    memory: str | int | None = None
    time: str | float | None = None
    cpus: float | None = None
    cpu_time: str | float | None = None
    queue_time: str | float | None = None
    processes: int | None = None
    open_files: int | None = None
    file_size: str | int | None = None
    output_size: str | int | None = None
    outputs: int | None = None
    scratch: str | int | None = None
    log_size: str | int | None = None

    def in_units(self) -> model.Limits:
        """In bytes and seconds. Raises DeclarationError."""
        return model.Limits(
            memory=_size("memory", self.memory),
            cpus=_count("cpus", self.cpus),
            cpu_time=_time("cpu_time", self.cpu_time),
            processes=_whole("processes", self.processes),
            run_time=_time("time", self.time),
            queue_time=_time("queue_time", self.queue_time),
            file_size=_size("file_size", self.file_size),
            output_size=_size("output_size", self.output_size),
            outputs=_whole("outputs", self.outputs),
            open_files=_whole("open_files", self.open_files),
            scratch=_size("scratch", self.scratch),
            log_size=_size("log_size", self.log_size),
        )


def _size(name: str, amount: str | int | None) -> int | None:
    try:
        return None if amount is None else bytes_of(amount)
    except (ValueError, TypeError) as error:
        raise DeclarationError(f"limits: {name}: {error}") from None


def _time(name: str, amount: str | float | None) -> float | None:
    try:
        return None if amount is None else seconds_of(amount)
    except (ValueError, TypeError) as error:
        raise DeclarationError(f"limits: {name}: {error}") from None


def _count(name: str, amount: float | None) -> float | None:
    if amount is None:
        return None
    if isinstance(amount, bool) or not isinstance(amount, int | float) or amount <= 0:
        raise DeclarationError(f"limits: {name}: {amount!r} is not a number above zero")
    return amount


def _whole(name: str, amount: int | None) -> int | None:
    if amount is not None and not isinstance(amount, int):
        raise DeclarationError(f"limits: {name}: {amount!r} is not a whole number")
    _count(name, amount)
    return amount
