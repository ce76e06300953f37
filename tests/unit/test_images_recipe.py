"""The Dockerfile, the wheel of the rooms, and which wheels fit an image."""

import subprocess
import sys
import zipfile

from cloche import __version__
from cloche.executors.docker.images import debian, dockerfile, wheels
from cloche.executors.docker.images.engine import split
from cloche.executors.docker.images.target import Target

RECIPE = dockerfile.Recipe(
    base="cloche-base",
    spec="mine",
    version="1.2.3",
    title="mine",
    requirements=True,
    apt=("grass-core", "gdal-bin", "grass-core"),
    environment={"WORDS": 'a "b" $HOME \\'},
)


def test_the_dockerfile():
    lines = dockerfile.text(RECIPE).splitlines()
    assert [line for line in lines if line.startswith("FROM")] == [
        "FROM cloche-base AS system",
        "FROM system AS environment",
        "FROM system",
    ]
    assert "    gdal-bin grass-core \\" in lines
    assert "COPY inside.py requirements.txt /build/" in lines
    assert '    WORDS="a \\"b\\" \\$HOME \\\\"' in lines
    assert '    cloche.package="mine" \\' in lines
    assert lines[-2:] == ["USER 65534:65534", 'CMD ["python3", "-m", "cloche.runner", "describe", "mine"]']


def test_nothing_of_apt_where_nothing_is_wanted_of_it():
    from dataclasses import replace

    text = dockerfile.text(replace(RECIPE, apt=(), requirements=False))
    assert "apt-get install" not in text
    assert "requirements.txt" not in text


def test_the_wheel_of_the_rooms_works_alone(tmp_path):
    """With nothing but Python: no third-party library, no server."""
    path = wheels.write_own(tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        metadata = archive.read(f"cloche-{__version__}.dist-info/METADATA").decode()
    assert {name.split("/")[1] for name in names if name.startswith("cloche/")} >= {*wheels.ROOMS, "process.py"}
    assert not [name for name in names if name.startswith(("cloche/app", "cloche/service", "cloche/executors"))]
    assert "Provides-Extra: geo" in metadata
    assert "Requires-Dist: rasterio>=1.4.4; extra == 'geo'" in metadata
    assert "aiohttp" not in metadata
    code = f"import sys; sys.path[:] = [{str(path)!r}, *[p for p in sys.path if 'site-packages' not in p]]; "
    code += "import cloche.process, cloche.runner.supervisor, cloche.library.echo; print(cloche.__file__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    assert str(path) in done.stdout


def test_the_same_rooms_make_the_same_wheel(tmp_path):
    (tmp_path / "other").mkdir()
    assert wheels.write_own(tmp_path).read_bytes() == wheels.write_own(tmp_path / "other").read_bytes()


def target(**changes):
    given = {"python": (3, 11), "machine": "x86_64", "libc": ("glibc", "2.36"), "apt": True, "venv": True}
    return Target(**given | changes)


def test_wheels_fit_the_c_library_of_the_image():
    tags = target().platforms
    assert tags[0] == "manylinux_2_36_x86_64"
    assert {"manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"} < set(tags)
    assert "manylinux_2_37_x86_64" not in tags
    assert target(libc=("", ""), machine="aarch64").platforms[-1] == "musllinux_1_0_aarch64"
    assert target(libc=("glibc", "2.17")).platforms[0] == "manylinux_2_17_x86_64"


def test_names_of_images_have_hosts_with_ports():
    assert split("cloche-base") == ("cloche-base", "latest")
    assert split("cloche-base:1") == ("cloche-base", "1")
    assert split("registry:5000/base") == ("registry:5000/base", "latest")
    assert split("registry:5000/base:2") == ("registry:5000/base", "2")


def test_a_mirror_that_is_named_is_the_only_source():
    (source,) = debian.sources("bookworm", "http://mirror.intra/debian")
    assert str(source) == "deb http://mirror.intra/debian bookworm main"


def test_a_suite_that_this_host_does_not_use_comes_from_debian():
    (source,) = debian.sources("no-such-suite")
    assert source.address == debian.DEFAULT_MIRROR
