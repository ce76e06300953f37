"""What a package says that it needs, and which of its files belong into an image."""

import os

import pytest

from cloche.executors.docker.images import needs, source
from cloche.executors.docker.images.errors import ImageError

INLINE = """# /// script
# requires-python = ">=3.11"
# dependencies = ["shapely>=2", "numpy"]
#
# [tool.cloche.image]
# apt = ["grass-core", "libgdal-dev=3.6.2+dfsg-1"]
# base = "mine:1"
# files = ["lookup/*.csv"]
# environment = { GISBASE = "/usr/lib/grass82" }
# ///
import helper
"""
PROJECT = """
[project]
name = "x"
dependencies = ["fiona"]
requires-python = ">=3.12"
[tool.cloche.image]
apt = ["r-base-core"]
"""


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(folder, package):
    return needs.read(source.locate(package, folder))


def test_inline_metadata_says_it_all(tmp_path):
    write(tmp_path, {"mine.py": INLINE, "requirements.txt": "unused", "pyproject.toml": PROJECT})
    found = read(tmp_path, "./mine.py")
    assert found.requirements == ("shapely>=2", "numpy")
    assert found.python == ">=3.11"
    assert found.apt == ("grass-core", "libgdal-dev=3.6.2+dfsg-1")
    assert found.base == "mine:1"
    assert found.files == ("lookup/*.csv",)
    assert found.environment == {"GISBASE": "/usr/lib/grass82"}
    assert found.origin == "the inline metadata of mine.py"


def test_a_project_file_says_it_for_a_package_in_src(tmp_path):
    write(tmp_path, {"pyproject.toml": PROJECT, "src/pack/__init__.py": ""})
    found = read(tmp_path, "src/pack")
    assert (found.requirements, found.python, found.apt) == (("fiona",), ">=3.12", ("r-base-core",))


def test_a_requirements_file_goes_before_the_project_file_and_debian_packages_stay(tmp_path):
    write(tmp_path, {"mine.py": "", "requirements.txt": "fiona==1.10.1\n# why\n", "pyproject.toml": PROJECT})
    found = read(tmp_path, "./mine.py")
    assert found.requirements == ("fiona==1.10.1", "# why")
    assert found.apt == ("r-base-core",)
    assert found.origin.endswith("requirements.txt")


def test_nothing_said_is_nothing_needed(tmp_path):
    write(tmp_path, {"mine.py": ""})
    found = read(tmp_path, "./mine.py")
    assert (found.requirements, found.apt) == ((), ())


@pytest.mark.parametrize(
    ("inline", "says"),
    [
        ("[tool.cloche.image]\napt = 'grass'", "apt has to be a list of texts"),
        ("[tool.cloche.image]\napt = ['grass core; rm']", "'grass core; rm' is no name of a Debian package"),
        ("[tool.cloche.image]\napts = []", "has no 'apts'; it has apt, base, environment, files"),
        ("[tool.cloche]\napt = []", "[tool.cloche] has no 'apt'; what images need stands in [tool.cloche.image]"),
        ("[tool.cloche.image]\nenvironment = { 'A B' = 'x' }", "environment: A B has to be a variable's name"),
        ("[tool.cloche.image]\nenvironment = { A = 1 }", "environment: A has to be a variable's name"),
        ('[tool.cloche.image]\nenvironment = { A = "x\\nRUN y" }', "its value a line of text"),
        ("[tool.cloche.image]\nbase = 1", "base has to be a text"),
        ("dependencies = 'numpy'", "dependencies has to be a list of texts"),
        ("dependencies = ['-e .']", "'-e .' names a file of this host"),
        ("dependencies = ['./wheel.whl']", "give the folder of a wheel of your own with --wheels"),
        ("dependencies = [", "is not TOML"),
        ("dependencies = ['x @ file:///etc/passwd']", "names a file of this host"),
        ("dependencies = ['file:///etc/passwd']", "names a file of this host"),
        ('dependencies = ["numpy\\n-r /etc/passwd"]', "has to be one line"),
        ('[tool.cloche.image]\nbase = "x\\nRUN y"', "is no name of an image"),
        ("[tool.cloche.image]\nbase = 'x AS y'", "is no name of an image"),
        (f"dependencies = {'[' * 100000}", "is nested too deep"),
    ],
)
def test_what_is_said_wrongly_is_refused(tmp_path, inline, says):
    block = "".join(f"# {line}\n" for line in inline.splitlines())
    write(tmp_path, {"mine.py": f"# /// script\n{block}# ///\n"})
    with pytest.raises(ImageError) as refused:
        read(tmp_path, "./mine.py")
    assert says in str(refused.value)
    assert "mine.py" in str(refused.value)


def test_two_blocks_are_refused(tmp_path):
    write(tmp_path, {"mine.py": 2 * "# /// script\n# dependencies = []\n# ///\n\n"})
    with pytest.raises(ImageError, match="2 blocks"):
        read(tmp_path, "./mine.py")


def names(found):
    return sorted(str(file.relative_to(found.folder)) for file in found.files)


def test_a_file_brings_what_it_imports_from_beside_it(tmp_path):
    write(
        tmp_path,
        {
            "mine.py": "import helper, os\nfrom tools.deep import x",
            "helper.py": "def f():\n    import late",
            "late.py": "",
            "other.py": "",
            "cloche.toml": "secret",
            **dict.fromkeys(("tools/__init__.py", "tools/deep.py", "tools/data.txt"), ""),
        },
    )
    found = source.locate("./mine.py", tmp_path)
    assert names(found) == ["helper.py", "late.py", "mine.py", "tools/__init__.py", "tools/data.txt", "tools/deep.py"]
    assert (found.name, found.spec) == ("mine", "mine")


def test_a_package_comes_whole_but_for_what_is_not_of_it(tmp_path):
    inside = ("__init__.py", "a.py", "a.pyc", "data.txt", "__pycache__/a.txt", ".git/x", "env/pyvenv.cfg", "env/x.py")
    write(tmp_path / "pack", dict.fromkeys(inside, ""))
    found = source.locate("./pack", tmp_path)
    assert names(found) == ["pack/__init__.py", "pack/a.py", "pack/data.txt"]
    assert found.spec == "pack"


def test_loose_files_are_named_by_their_place_in_the_image(tmp_path):
    write(tmp_path / "loose", {"a.py": "import b", "b.py": "", "cloche.toml": ""})
    found = source.locate("./loose", tmp_path)
    assert names(found) == ["loose/a.py", "loose/b.py"]
    assert found.spec == "/opt/cloche/packages/loose"


def test_an_installed_module_is_found_without_being_imported(tmp_path, monkeypatch):
    write(tmp_path / "notimported", {"__init__.py": "raise SystemExit('imported')", "deep.py": ""})
    monkeypatch.syspath_prepend(tmp_path)
    found = source.locate("notimported.deep", tmp_path)
    assert names(found) == ["notimported/__init__.py", "notimported/deep.py"]
    assert found.spec == "notimported.deep"


@pytest.mark.parametrize(
    ("package", "says"),
    [
        ("./none.py", "does not exist"),
        ("./empty", "is neither a .py file nor a directory of them"),
        ("no_such_module", "there is no module no_such_module"),
        ("./broken.py", "broken.py, line 1"),
        ("./deep.py", "deep.py"),
        ("./circle.py", "cannot find './circle.py'"),
        ("./nul\0.py", "cannot find './nul\\x00.py'"),
        (f"./{'x' * 5000}.py", "File name too long"),
        ("./two\nlines.py", "does not fit into a line of a Dockerfile"),
        ("sys", "there is no module sys"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path, package, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "circle.py").symlink_to("circle.py")
    write(tmp_path, {"broken.py": "def", "deep.py": f"a{'.b' * 100000}"})
    write(tmp_path, {"two\nlines.py": ""})
    with pytest.raises(ImageError) as refused:
        source.locate(package, tmp_path)
    assert says in str(refused.value)


def test_patterns_stay_below_the_code_and_find_something(tmp_path):
    write(tmp_path, {"lookup/a.txt": "", "lookup/b.txt": ""})
    assert [path.name for path in source.matching(tmp_path, ("lookup",))] == ["a.txt", "b.txt"]
    for pattern, says in (("../x", "has to stay below"), ("/etc/*", "has to stay below"), ("*.csv", "finds nothing")):
        with pytest.raises(ImageError, match=says):
            source.matching(tmp_path, (pattern,))


@pytest.mark.parametrize("pattern", ["", ".", "**x"])
def test_what_is_no_pattern_is_refused(tmp_path, pattern):
    with pytest.raises(ImageError, match="is no pattern of files"):
        source.matching(tmp_path, (pattern,))


def test_patterns_bring_nothing_from_elsewhere(tmp_path):
    write(tmp_path, {"secret": "", "code/lookup/own.csv": ""})
    code = tmp_path / "code"
    (code / "link.txt").symlink_to(tmp_path / "secret")
    (code / "up").symlink_to(tmp_path)
    os.mkfifo(code / "lookup" / "pipe.csv")
    assert [path.name for path in source.matching(code, ("lookup/*",))] == ["own.csv"]
    for pattern in ("link.txt", "up/*"):
        with pytest.raises(ImageError, match="leads out of"):
            source.matching(code, (pattern,))


@pytest.mark.parametrize("name", ["mine.py", "pyproject.toml", "requirements.txt"])
def test_what_is_not_utf8_is_refused(tmp_path, name):
    write(tmp_path, {"mine.py": ""})
    (tmp_path / name).write_bytes(b"# \xff\n")
    with pytest.raises(ImageError, match=f"cannot read .*{name}"):
        read(tmp_path, "./mine.py")
