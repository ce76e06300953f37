import sys

import pytest

import cloche.library  # noqa: F401 - what was imported before is no file of a package
from cloche.process import DeclarationError
from cloche.runner.describe import describe
from cloche.runner.package import PackageError, load

PROCESS = """
from cloche.process import process

@process
def {name}() -> int:
    return 1
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Modules that a test imports, and where it looked for them, are forgotten."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_file_with_neighbours(tmp_path):
    write(
        tmp_path,
        mine_a=PROCESS.format(name="one") + "\nimport mine_helper\nfrom mine_helper import two\n",
        mine_helper=PROCESS.format(name="two"),
        mine_other=PROCESS.format(name="three"),
    )
    package = load(str(tmp_path / "mine_a.py"))
    assert list(package.processes) == ["one", "two"]
    assert package.files == (tmp_path / "mine_a.py", tmp_path / "mine_helper.py")
    assert [found.id for found in describe(package)] == ["one", "two"]


def test_a_package_directory_publishes_what_its_init_holds(tmp_path):
    folder = write(
        tmp_path / "mine_b",
        __init__="from .vector import one\n",
        vector=PROCESS.format(name="one") + PROCESS.format(name="hidden"),
        raster=PROCESS.format(name="unseen"),
    )
    package = load(str(folder))
    assert list(package.processes) == ["one"]
    assert len(package.files) == 3
    assert str(tmp_path) not in sys.path


def test_an_empty_init_publishes_all_submodules_but_tests(tmp_path):
    folder = write(
        tmp_path / "mine_c", __init__="", vector=PROCESS.format(name="one"), _own="1 / 0", test_vector="1 / 0"
    )
    write(folder / "deep", __init__="", more="from mine_c.vector import one\n" + PROCESS.format(name="two"))
    write(folder / "tests", __init__="1 / 0")
    assert list(load(str(folder)).processes) == ["one", "two"]


def test_a_directory_of_loose_files(tmp_path):
    folder = write(
        tmp_path, mine_d=PROCESS.format(name="one") + "import mine_e\n", mine_e=PROCESS.format(name="two"), _no="1 / 0"
    )
    assert list(load(str(folder)).processes) == ["one", "two"]


def test_a_dotted_module():
    package = load("cloche.library.echo")
    assert "EchoProcess" in package.processes
    assert [file.name for file in package.files] == ["echo.py"]


def test_loading_twice_gives_the_same(tmp_path):
    write(tmp_path, mine_f=PROCESS.format(name="one"))
    first, second = load(str(tmp_path / "mine_f.py")), load(str(tmp_path / "mine_f.py"))
    assert first.processes["one"] is second.processes["one"]


def test_names_that_are_no_identifiers(tmp_path):
    (tmp_path / "my-process.v1.py").write_text(PROCESS.format(name="one"))
    assert list(load(str(tmp_path / "my-process.v1.py")).processes) == ["one"]


def test_two_processes_of_one_id(tmp_path):
    folder = write(tmp_path / "mine_g", __init__="", a=PROCESS.format(name="one"), b=PROCESS.format(name="one"))
    with pytest.raises(PackageError, match=r"two processes with the id one: mine_g\.a\.one and mine_g\.b\.one"):
        load(str(folder))


def test_names_that_hide_others(tmp_path):
    write(tmp_path, json=PROCESS.format(name="one"), cloche=PROCESS.format(name="two"))
    with pytest.raises(PackageError, match="json is a module of Python's own, which it would hide: rename it"):
        load(str(tmp_path / "json.py"))
    with pytest.raises(PackageError, match=r"another module named cloche is imported from .*: rename one"):
        load(str(tmp_path / "cloche.py"))


def test_what_is_no_package(tmp_path):
    (tmp_path / "text.txt").write_text("")
    (tmp_path / "empty").mkdir()
    write(tmp_path, mine_h="")
    for spec, text in {
        "text.txt": "is neither a .py file nor a directory",
        "none.py": "there is no",
        "empty": "holds no .py files",
        "mine_h.py": "holds no processes: decorate a function",
    }.items():
        with pytest.raises(PackageError, match=text):
            load(str(tmp_path / spec))
    with pytest.raises(ModuleNotFoundError):
        load("no_such_module_anywhere")


def test_errors_of_the_package_come_through_and_leave_no_half_module(tmp_path):
    write(tmp_path, mine_i="1 / 0", mine_j="from cloche.process import process\n@process\ndef f(a) -> int: ...\n")
    with pytest.raises(ZeroDivisionError):
        load(str(tmp_path / "mine_i.py"))
    assert "mine_i" not in sys.modules
    with pytest.raises(DeclarationError, match="process f: parameter a: its type annotation is missing"):
        load(str(tmp_path / "mine_j.py"))


def test_libraries_beside_the_code_are_not_its_source(tmp_path):
    write(tmp_path / ".venv" / "site-packages", mine_library="")
    path = tmp_path / ".venv" / "site-packages"
    text = f"import sys\nsys.path.append({str(path)!r})\nimport mine_library\n"
    write(tmp_path, mine_k=text + PROCESS.format(name="one"))
    assert load(str(tmp_path / "mine_k.py")).files == (tmp_path / "mine_k.py",)
