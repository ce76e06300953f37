from dataclasses import replace

import pytest

from cloche.app.overrides import NAMES, DividedDescriber, OverridingDescriber, limits, stronger
from cloche.app.settings import Duration, Limits, Process, ProcessLimits, Size
from cloche.model.limits import Limits as ModelLimits
from cloche.model.process import ProcessDescription
from cloche.ports.describer import PackageDescription


def described(**fields) -> ProcessDescription:
    return ProcessDescription(id="grow", version="1", title="Grow", inputs=(), outputs=(), **fields)


class OnePackage:
    def __init__(self, process: ProcessDescription) -> None:
        self._process = process

    def describe(self, package: str) -> PackageDescription:
        return PackageDescription(processes=(self._process,), fingerprint="f")

    def fingerprint(self, package: str) -> str:
        return "f"


def overridden(process: ProcessDescription, override: Process | None = None, *, mode: str = "sandbox"):
    describer = OverridingDescriber(OnePackage(process), {"grow": override} if override else {}, mode=mode)
    (found,) = describer.describe("p").processes
    return found


def test_without_overrides_the_author_has_the_word():
    process = described(limits=ModelLimits(memory=5), parallel=2)
    assert overridden(process) == process


def test_the_operator_goes_over_the_author():
    override = Process(
        mode="multiprocessing", parallelprocesses=7, limits=ProcessLimits(memory=Size(9), time=Duration(3))
    )
    found = overridden(described(limits=ModelLimits(memory=5, outputs=4), parallel=2), override)
    assert (found.mode, found.parallel) == ("multiprocessing", 7)
    assert found.limits == ModelLimits(memory=9, run_time=3, outputs=4)


@pytest.mark.parametrize(
    ("asked", "server", "mode"),
    [
        (None, "sandbox", None),
        ("sandbox", "multiprocessing", "sandbox"),
        ("multiprocessing", "sandbox", None),
        ("sandbox", "sandbox", None),
        ("elsewhere", "sandbox", "elsewhere"),
        ("docker", "sandbox", "docker"),
        ("sandbox", "docker", None),
        ("multiprocessing", "docker", None),
    ],
)
def test_an_author_never_gets_weaker_walls_than_the_server(asked, server, mode):
    assert stronger(asked, server) == mode


def test_every_limit_of_the_model_can_be_set():
    assert set(NAMES) == set(Limits.__struct_fields__)
    assert set(NAMES) - set(ProcessLimits.__struct_fields__) == {"freespace"}, "the disk is everybody's"
    assert set(NAMES.values()) == set(ModelLimits.__dataclass_fields__)


def test_zero_is_no_limit():
    everything = dict.fromkeys(NAMES, 0)
    assert limits(Limits(**everything)) == ModelLimits()
    assert limits(Limits(**(everything | {"time": Duration(5)}))) == replace(ModelLimits(), run_time=5)


def test_the_fingerprint_is_the_package_s():
    assert OverridingDescriber(OnePackage(described()), {}, mode="sandbox").fingerprint("p") == "f"


def test_the_operator_s_image_goes_over_the_author_s():
    assert overridden(described(image="theirs")).image == "theirs"
    assert overridden(described(image="theirs"), Process(image="ours")).image == "ours"


def test_a_package_that_lives_in_an_image_is_described_there_and_executed_nowhere_else():
    divided = DividedDescriber(
        OnePackage(described(abstract="in the image", mode="sandbox")),
        OnePackage(described(abstract="on the host")),
        ["deep"],
    )
    (inside,), (outside,) = divided.describe("deep").processes, divided.describe("plain").processes
    assert (inside.abstract, inside.mode) == ("in the image", "docker")
    assert (outside.abstract, outside.mode) == ("on the host", None)
    assert divided.fingerprint("deep") == divided.fingerprint("plain") == "f"
