"""The catalog over a fake describer: merging, problems, refreshing, concurrency."""

import sys
import threading
import time

import pytest

from cloche.catalog import discovery
from cloche.catalog.catalog import PackageCatalog
from cloche.model.domains import Datatype, LiteralDomain
from cloche.model.errors import NoSuchProcess
from cloche.model.process import Parameter, ProcessDescription
from cloche.ports.describer import PackageBroken, PackageDescription


def process(id, title="A process"):
    out = Parameter(id="out", title="Out", domain=LiteralDomain(datatype=Datatype.STRING))
    return ProcessDescription(id=id, version="1.0", title=title, inputs=(), outputs=(out,))


class Describer:
    """Packages as a dict: name to processes, or to the error they raise."""

    def __init__(self, **packages):
        self.packages, self.described, self.delay = packages, [], 0.0

    def fingerprint(self, package):
        found = self.packages[package]
        if isinstance(found, PackageBroken) and "no file" in str(found):
            raise found
        return str(found)

    def describe(self, package):
        self.described.append(package)
        time.sleep(self.delay)
        found = self.packages[package]
        if isinstance(found, Exception):
            raise found
        return PackageDescription(processes=tuple(found), fingerprint=self.fingerprint(package))


def catalog(describer, *, packages=None, **rest):
    made = PackageCatalog(packages or list(describer.packages), describer, clock=lambda: 1000.5, **rest)
    made.refresh()
    return made


def ids(made):
    return [one.description.id for one in made.processes()]


def test_processes_of_all_packages_are_ordered_by_identifier():
    made = catalog(Describer(a=[process("z"), process("b")], c=[process("m")]))
    assert ids(made) == ["b", "m", "z"]
    assert made.get("m").package == "c"
    assert made.problems() == ()
    assert made.version() == 1000


def test_an_unknown_process_is_named():
    with pytest.raises(NoSuchProcess, match="'x'") as caught:
        catalog(Describer(a=[process("b")])).get("x")
    assert caught.value.locator == "x"


def test_a_broken_package_is_reported_and_the_others_are_served():
    broken = {"bad": PackageBroken("SyntaxError: line 3"), "ugly": OSError("no pipe"), "gone": PackageBroken("no file")}
    made = catalog(Describer(**broken, good=[process("g")]))
    assert ids(made) == ["g"]
    assert {(p.package, p.error) for p in made.problems()} == {
        ("bad", "SyntaxError: line 3"),
        ("ugly", "OSError: no pipe"),
        ("gone", "no file"),
    }


def test_of_two_processes_with_one_identifier_the_first_wins():
    describer = Describer(first=[process("p", "First")], second=[process("p", "Second"), process("q")])
    made = catalog(describer)
    assert ids(made) == ["p", "q"]
    assert made.get("p").package == "first"
    assert [(p.package, "published by first" in p.error) for p in made.problems()] == [("second", True)]
    assert catalog(describer, packages=["second", "first"]).get("p").description.title == "Second"


def test_a_package_named_twice_is_one():
    made = catalog(Describer(a=[process("p")]), packages=["a", "a"])
    assert made.problems() == ()


def test_no_packages_is_fine():
    made = PackageCatalog([], Describer())
    made.refresh()
    assert made.processes() == ()


def test_only_changed_packages_are_described_again():
    describer = Describer(a=[process("p")], b=[process("q")], bad=PackageBroken("bad"))
    made = catalog(describer)
    describer.described.clear()
    assert made.refresh() is False
    assert describer.described == []
    assert made.version() == 1000
    describer.packages["b"] = [process("q", "Better"), process("r")]
    assert made.refresh() is True
    assert describer.described == ["b"]
    assert ids(made) == ["p", "q", "r"]
    assert made.version() == 1001


def test_a_package_that_breaks_stays_published_but_is_not_available_until_it_is_mended():
    describer = Describer(a=[process("p")], b=[process("q")])
    made = catalog(describer)
    assert made.get("p").available
    for error in (PackageBroken("half saved"), PackageBroken("no file"), OSError("no pipe")):
        describer.packages["a"] = error
        assert made.refresh() is False
        assert ids(made) == ["p", "q"]
        assert (made.get("p").available, made.get("q").available) == (False, True)
        assert [(one.package, str(error) in one.error) for one in made.problems()] == [("a", True)]
    describer.packages["a"] = [process("p")]
    assert made.refresh() is False
    assert made.get("p").available
    assert made.problems() == ()
    assert made.version() == 1000
    describer.packages["a"] = []
    assert made.refresh() is True
    assert ids(made) == ["q"]


class Hanging(Describer):
    """A package that hangs while it is imported, until ``released`` is set."""

    def __init__(self, **packages):
        super().__init__(**packages)
        self.hanging, self.released = "", threading.Event()

    def describe(self, package):
        if package == self.hanging:
            assert self.released.wait(20)
        return super().describe(package)


def soon(true):
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_package_that_hangs_holds_up_no_other():
    describer = Hanging(a=[process("p")], b=[process("q")])
    made = catalog(describer)
    describer.hanging = "a"
    describer.packages |= {"a": [process("p", "New")], "b": [process("q", "New")]}
    began = time.monotonic()
    assert made.refresh(patience=0.1) is True
    assert time.monotonic() - began < 5
    assert [one.description.title for one in made.processes()] == ["A process", "New"]
    assert made.get("p").available, "its old code still runs"
    describer.packages["b"] = [process("q", "Newer")]
    describer.described.clear()
    made.refresh(patience=5)
    assert describer.described == ["b"], "it is not begun a second time"
    assert made.get("q").description.title == "Newer"
    describer.released.set()
    soon(lambda: made.get("p").description.title == "New")
    describer.packages["a"] = [process("p", "Newest")]
    soon(lambda: made.refresh() or made.get("p").description.title == "Newest")


def test_a_package_that_hangs_from_the_beginning_is_a_problem_until_it_comes():
    describer = Hanging(a=[process("p")], b=[process("q")])
    describer.hanging = "a"
    made = PackageCatalog(["a", "b"], describer)
    made.refresh(patience=0.1)
    assert ids(made) == ["q"]
    assert [(one.package, one.error) for one in made.problems()] == [("a", "not imported yet after 0.1 s")]
    describer.released.set()
    soon(lambda: ids(made) == ["p", "q"])
    assert made.problems() == ()


def test_packages_that_had_no_turn_because_others_hang_get_it_the_next_time():
    describer = Hanging(a=[process("p")], b=[process("q")])
    describer.hanging = "a"
    made = PackageCatalog(["a", "b"], describer, workers=1)
    made.refresh(patience=0.1)
    assert ids(made) == []
    made.refresh(patience=5)
    assert ids(made) == ["q"]
    describer.released.set()


def test_a_package_without_a_fingerprint_is_tried_each_time():
    describer = Describer(a=PackageBroken("no file"))
    made = catalog(describer)
    describer.packages["a"] = [process("p")]
    assert made.refresh() is True
    assert ids(made) == ["p"]


def test_packages_are_described_side_by_side():
    describer = Describer(**{f"p{n}": [process(f"p{n}")] for n in range(4)})
    describer.delay = 0.2
    began = time.monotonic()
    catalog(describer, workers=4)
    assert time.monotonic() - began < 0.6


def test_the_refreshing_thread_sees_changes_and_ends():
    describer = Describer(a=[process("p")])
    made = PackageCatalog(["a"], describer, interval=0.02)
    made.start()
    try:
        describer.packages["a"] = [process("p"), process("q")]
        deadline = time.monotonic() + 5
        while ids(made) != ["p", "q"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert ids(made) == ["p", "q"]
    finally:
        made.close()
        made.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "catalog"]


def test_answers_do_not_wait_for_a_refresh():
    describer = Describer(a=[process("p")])
    made = catalog(describer)
    describer.packages["a"], describer.delay = [process("q")], 0.5
    refresh = threading.Thread(target=made.refresh)
    refresh.start()
    began = time.monotonic()
    assert ids(made) == ["p"]
    assert time.monotonic() - began < 0.2
    refresh.join()
    assert ids(made) == ["q"]


def test_announced_packages_are_found_without_being_imported(tmp_path, monkeypatch):
    info = tmp_path / "announced-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: announced\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cloche.processes]\ntwo = announced.two\none = announced.one:thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert {"announced.one", "announced.two"} <= set(discovery.installed())
    assert "announced" not in sys.modules
