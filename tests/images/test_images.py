"""Images, made and checked by real engines."""

import contextlib
import io
import subprocess
import tarfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import containers
import executions
import live
from cloche import __version__
from cloche.executors.docker import recipe
from cloche.executors.docker.images import base, build, check, target
from cloche.executors.docker.images.check import Place
from cloche.executors.docker.images.errors import ImageError

PROCESS = '''
"""A process that needs something of each kind."""

from pathlib import Path

from cloche.process import process

import helper
{imports}

@process
def mine() -> str:
    """Say it."""
    return {value}
'''
pytestmark = pytest.mark.timeout(400)


@dataclass
class Shop:
    """An engine, a name for whatever a test makes, a folder, and what was said."""

    engine: object
    folder: Path
    tag: str = field(default_factory=lambda: f"cloche-test-made:{uuid.uuid4().hex[:12]}")
    said: list = field(default_factory=list)

    def say(self, line):
        self.said.append(line)

    def write(self, **files):
        for name, text in files.items():
            path = self.folder / name.replace("_py", ".py").replace("_txt", ".txt")
            path.write_text(text)

    def build(self, package="./mine.py", **options):
        plan = build.plan(
            self.engine, package, directory=self.folder, base=containers.base_image(self.engine), **options
        )
        return build.build(self.engine, plan, self.tag, network="host", say=self.say)

    def checked(self, package="", **changes):
        with executions.data_folder() as folder:
            folder.chmod(0o711)
            place = Place(folder=folder, user=executions.owner() or (65534, 65534), **changes)
            return {outcome.name: outcome for outcome in check.check(self.engine, self.tag, package, place)}

    def run(self, *command, **options):
        return self.engine.run(self.tag, command, timeout_s=60, network_mode="none", **options)


@pytest.fixture(params=["docker", "podman"])
def shop(request, tmp_path):
    made = Shop(containers.engine(request.param), tmp_path)
    yield made
    with contextlib.suppress(ImageError):
        made.engine.remove(made.tag)


@pytest.fixture
def docker(tmp_path):
    made = Shop(containers.engine("docker"), tmp_path)
    yield made
    made.engine.remove(made.tag)


def test_a_base_of_this_hosts_own_python(shop):
    made = base.from_host(shop.engine, shop.tag, say=shop.say)
    assert made.labels[base.LABEL] == "host"
    assert made.size < 150e6
    wanted = ["libstdc++.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libm.so.6", "libutil.so.1"]
    code = "import ssl, sqlite3, ctypes, zlib, lzma, decimal, json, venv\n"
    code += f"for name in {wanted}: print(ctypes.CDLL(name)._name)"
    ran = shop.run("python3", "-c", code, user="65534:65534", read_only=True, cap_drop=["ALL"])
    assert (ran.code, ran.output.split()) == (0, wanted)


def test_a_base_from_the_archive_of_a_root_directory(docker):
    archive = docker.folder / "root.tar"
    made = docker.engine.client.containers.create(containers.base_image(docker.engine))
    try:
        with archive.open("wb") as file:
            file.writelines(made.export())
    finally:
        made.remove()
    found = base.from_archive(docker.engine, docker.tag, archive, say=docker.say)
    assert found.labels[base.LABEL] == "root.tar"
    assert base.python_version(docker.engine, docker.tag) == (3, 11)


def test_a_base_from_an_archive_of_docker_save(shop):
    archive = shop.folder / "saved.tar"
    name = containers.base_image(shop.engine)
    with archive.open("wb") as file:
        file.writelines(shop.engine.client.images.get(name).save(named=True))
    found = base.from_archive(shop.engine, shop.tag, archive, say=shop.say)
    assert found.id == shop.engine.get(name).id


def test_the_debian_base_has_what_apt_needs(docker):
    name = containers.base_image(docker.engine)
    ran = docker.engine.run(name, ["sh", "-c", "cat /etc/apt/sources.list; ls /usr/share/doc"], timeout_s=60)
    assert f" {containers.SUITE} main" in ran.output
    assert ran.output.count("\n") <= 8, "the documentation stays out"


def test_an_archive_that_is_none_is_refused(docker):
    (docker.folder / "x.tar").write_text("not a tar")
    with pytest.raises(ImageError, match=r"cannot read .*x\.tar as a tar archive"):
        base.from_archive(docker.engine, docker.tag, docker.folder / "x.tar")
    assert docker.engine.find(docker.tag) is None


def test_a_base_without_python_is_refused_and_not_kept(docker):
    archive = docker.folder / "empty.tar"
    with tarfile.open(archive, "w") as tar:
        entry = tarfile.TarInfo("etc/nothing")
        tar.addfile(entry, io.BytesIO())
    with pytest.raises(ImageError, match="python3"):
        base.from_archive(docker.engine, docker.tag, archive, say=docker.say)
    assert docker.engine.find(docker.tag) is None


def test_the_image_of_a_package_has_its_code_its_requirements_and_the_runner(shop):
    shop.write(
        mine_py="# /// script\n# dependencies = ['idna==3.10']\n# [tool.cloche.image]\n# files = ['words.txt']\n"
        '# environment = { TOPIC = "rivers \\"and\\" $lakes" }\n# ///\n'
        + PROCESS.format(imports="import idna", value="idna.__version__"),
        helper_py="text = open(__file__.replace('helper.py', 'words.txt')).read()",
        words_txt="words",
        other_py="raise SystemExit",
    )
    made = shop.build()
    assert made.labels["cloche.package"] == "mine"
    outcomes = shop.checked()
    assert [one for one in outcomes.values() if not one.ok] == []
    assert outcomes["describe mine"].found == "mine"
    code = "import os, mine, helper, idna; "
    code += "print(mine.mine(), helper.text, os.environ['TOPIC'], os.getuid(), idna.__file__)"
    ran = shop.run("python3", "-I", "-c", code, read_only=True)
    assert ran.output.split("\n")[0].startswith('3.10 words rivers "and" $lakes 65534 /opt/cloche/lib/')
    listed = shop.run(
        "python3", "-c", "import os; print(*sorted(os.listdir('/opt/cloche/packages')), os.path.exists('/build'))"
    )
    assert listed.output == "__pycache__ helper.py mine.py words.txt False\n"


def test_a_debian_package_comes_with_it(docker):
    docker.write(
        mine_py="# /// script\n# [tool.cloche.image]\n# apt = ['tree']\n# ///\n"
        + PROCESS.format(imports="", value="''")
    )
    docker.write(helper_py="")
    docker.build()
    assert docker.run("tree", "--version").output.startswith("tree v")


def test_what_is_written_only_is_what_would_be_built(docker):
    docker.write(mine_py=PROCESS.format(imports="", value="''"), helper_py="", requirements_txt="idna==3.10\n")
    plan = build.plan(docker.engine, "./mine.py", directory=docker.folder, base=containers.base_image(docker.engine))
    out = docker.folder / "out"
    build.write(plan, out, (), docker.say)
    assert {path.name for path in out.iterdir()} == {
        "Dockerfile",
        "inside.py",
        "packages",
        "pip",
        "requirements.txt",
        "wheels",
    }
    assert sorted(path.name.split("-")[0] for path in (out / "wheels").iterdir()) == ["cloche", "idna"]
    done = subprocess.run(
        ["docker", "build", "--network", "none", "-t", docker.tag, str(out)],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "DOCKER_BUILDKIT": "0", "HOME": str(docker.folder)},
    )
    assert done.returncode == 0, done.stderr
    assert docker.run("python3", "-m", "cloche.runner", "describe", "mine").code == 0
    with pytest.raises(ImageError, match="is not empty: name a new directory"):
        build.write(plan, out, (), docker.say)


def test_a_requirement_without_wheels_is_told_with_the_mend(docker):
    docker.write(mine_py="", requirements_txt="no-such-distribution-of-cloches==1\n")
    with pytest.raises(ImageError) as refused:
        docker.build()
    assert "no-such-distribution-of-cloches" in str(refused.value)
    assert "--wheels DIR" in str(refused.value)


def test_a_wheel_of_ones_own(docker):
    """And it needs Cloche's geo stack no more than it says: ``cloche`` itself comes from here, never from an index."""
    docker.write(mine_py=PROCESS.format(imports="import own", value="own.word"), helper_py="")
    docker.write(requirements_txt="own-words==1.0\ncloche\n")
    _wheel(docker.folder, "own_words", "1.0")
    _wheel(docker.folder, "cloche", "99.0")
    plan = build.plan(docker.engine, "./mine.py", directory=docker.folder, base=containers.base_image(docker.engine))
    build.build(docker.engine, plan, docker.tag, links=(docker.folder,), network="none", say=docker.say)
    assert docker.run("python3", "-c", "import mine; print(mine.mine())").output == "ours\n"
    assert docker.checked()["Cloche inside"].ok


def _wheel(folder, name, version):
    import zipfile

    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("own.py", "word = 'ours'")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"own.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def test_needs_that_the_base_cannot_meet(docker):
    base.from_host(docker.engine, docker.tag, say=docker.say)
    inline = "# /// script\n{}\n# ///\n"
    docker.write(mine_py=inline.format("# [tool.cloche.image]\n# apt = ['tree']"))
    with pytest.raises(ImageError, match=r"mine needs Debian packages, and .* has no apt-get"):
        build.plan(docker.engine, "./mine.py", directory=docker.folder, base=docker.tag)
    docker.write(mine_py=inline.format("# requires-python = '>=3.99'"))
    with pytest.raises(ImageError, match=r"requires Python >=3.99, and .* take another with --base"):
        build.plan(docker.engine, "./mine.py", directory=docker.folder, base=docker.tag)


def test_an_image_without_the_runner_fails_the_check(shop):
    base.from_host(shop.engine, shop.tag, say=shop.say)
    outcomes = shop.checked()
    assert not outcomes["Cloche inside"].ok
    assert "cloche image build" in outcomes["Cloche inside"].found
    assert "EchoProcess" not in outcomes


def test_an_image_of_another_version_fails_the_check(docker, monkeypatch):
    docker.write(mine_py=PROCESS.format(imports="", value="''"), helper_py="")
    docker.build()
    monkeypatch.setattr(check, "__version__", "9.9")
    found = docker.checked()["Cloche inside"]
    assert (found.ok, found.found) == (
        False,
        f"{__version__}, and the server is 9.9: build the image anew",
    )


def test_a_package_that_breaks_in_the_image_fails_the_check(docker):
    docker.write(mine_py="import numpy_that_is_not_there\n", helper_py="")
    docker.build()
    outcomes = docker.checked()
    assert outcomes["EchoProcess"].ok
    assert not outcomes["describe mine"].ok
    assert "No module named 'numpy_that_is_not_there'" in outcomes["describe mine"].found


HOLES = {
    "no root": lambda body: body.update(User="0:0"),
    "no capabilities": lambda body: body["HostConfig"].update(CapDrop=[]),
    "no new privileges": lambda body: body["HostConfig"].update(SecurityOpt=[]),
    "system calls filtered": lambda body: body["HostConfig"]["SecurityOpt"].append("seccomp=unconfined"),
    "no network": lambda body: body["HostConfig"].update(NetworkMode="host"),
    "read-only root": lambda body: body["HostConfig"].update(ReadonlyRootfs=False),
}


@pytest.fixture(scope="module")
def sound():
    """The name of an image that passes."""
    return containers.image(containers.engine("docker"))


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_in_a_wall_fails_its_check(name, sound, tmp_path, monkeypatch):
    shop = Shop(containers.engine("docker"), tmp_path, sound)
    honest = recipe.container

    def holed(*arguments):
        body = honest(*arguments)
        HOLES[name](body)
        return body

    assert all(
        outcome.ok
        for outcome in check._walls(shop.engine, shop.engine.get(sound), Place(folder=tmp_path, user=(65534, 65534)))
    )
    monkeypatch.setattr(recipe, "container", holed)
    found = check._walls(shop.engine, shop.engine.get(sound), Place(folder=tmp_path, user=(65534, 65534)))
    assert name in [outcome.name for outcome in found if not outcome.ok]


def test_the_target_is_the_images_own_python(docker):
    found = target.probe(docker.engine, containers.base_image(docker.engine))
    assert (found.python, found.libc[0], found.apt, found.venv) == ((3, 11), "glibc", True, True)


def cloche(*arguments, cwd):
    return subprocess.run(
        [live.CLOCHE, "image", *arguments], check=False, cwd=cwd, capture_output=True, text=True, timeout=300
    )


def test_the_command_line(docker):
    """Base, package and check as people make them; errors in one line and exit codes."""
    at = {"cwd": docker.folder}
    docker.write(mine_py=PROCESS.format(imports="", value="'said'"), helper_py="")
    made = cloche("base", "--from-host", "--tag", docker.tag, **at)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(f"{docker.tag}: Python 3.")
    assert cloche("check", docker.tag, **at).returncode == 1
    built = cloche("build", "./mine.py", "--base", docker.tag, "--tag", docker.tag, **at)
    assert built.returncode == 0, built.stderr
    assert f'[packages.mine]\nimage = "{docker.tag}"\n' in built.stdout
    checked = cloche("check", docker.tag, **at)
    assert checked.returncode == 0, checked.stdout
    assert "ok     EchoProcess: said what it was told" in checked.stdout
    assert "ok     describe mine: mine" in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("check", "no-such-image"), 1, "has no image no-such-image: make it with `cloche image build"),
        (("build", "./none.py"), 1, "none.py does not exist"),
        (("base", "--from-host", "--suite", "bookworm"), 2, "--suite goes with --debootstrap only"),
        (("check", "x", "--user", "0:0"), 2, "two numbers such as 1000:1000, the first not 0"),
        (
            ("check", "x", "--engine", "unix:///nowhere.sock"),
            1,
            "cannot reach the container engine at unix:///nowhere.sock",
        ),
        (("check", "x", "--engine", "nonsense://x"), 1, "cannot reach the container engine at nonsense://x"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_mend(docker_answers, tmp_path, arguments, code, says):
    done = cloche(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def docker_answers():
    return containers.engine("docker")
