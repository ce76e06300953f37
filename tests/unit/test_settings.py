from pathlib import Path

import msgspec
import pytest

from cloche.app.configuration import WrongSettings, read
from cloche.app.settings import Duration, Settings, Size


def settings(text: str = "", environment: dict[str, str] | None = None, *, at: Path, **flags: object) -> Settings:
    file = at / "cloche.toml"
    file.write_text(text)
    named = {name.replace("__", "."): value for name, value in flags.items()}
    return read(file, environment or {}, named, directory=at)


def mistakes(text: str = "", environment: dict[str, str] | None = None, *, at: Path) -> list[str]:
    with pytest.raises(WrongSettings) as caught:
        settings(text, environment, at=at)
    return [line.removeprefix(f"{at}/") for line in str(caught.value).splitlines()]


def test_without_a_file_the_defaults_hold(tmp_path):
    found = read(None, {}, directory=tmp_path)
    assert (found.server.port, found.server.maxprocesses, found.processing.mode) == (5000, 30, "auto")
    assert found.server.parallelprocesses >= 2
    assert found.server.datadir == tmp_path / "cloche-data"


def test_the_file_in_the_current_directory_is_found(tmp_path):
    (tmp_path / "cloche.toml").write_text("[server]\nport = 7\n")
    assert read(None, {}, directory=tmp_path).server.port == 7


def test_flags_go_over_the_environment_and_that_over_the_file(tmp_path):
    text = "[server]\nport = 1\nhost = 'file'\nmaxprocesses = 5\n"
    environment = {"CLOCHE_SERVER__PORT": "2", "CLOCHE_SERVER__HOST": "env"}
    server = settings(text, environment, at=tmp_path, server__port=3, server__host=None).server
    assert (server.port, server.host, server.maxprocesses) == (3, "env", 5)


def test_sizes_and_durations_are_numbers_or_texts(tmp_path):
    text = (
        "[server]\nmaxsingleinputsize = '3MiB'\nkeepresults = '2d'\n[limits]\nmemory = 1024\ntime = 1.5\nscratch = 0\n"
    )
    found = settings(text, at=tmp_path)
    assert found.server.maxsingleinputsize == 3 << 20
    assert found.server.keepresults == 172800
    assert (found.limits.memory, found.limits.time, found.limits.scratch) == (1024, 1.5, 0)
    assert isinstance(found.limits.memory, Size)
    assert isinstance(found.limits.time, Duration)


def test_relative_paths_are_beside_the_file(tmp_path):
    text = """
    [server]
    datadir = "state"
    allowedinputpaths = ["in", "/srv/in"]
    [processing]
    packages = ["./mine", "one.py", "a.module"]
    """
    found = settings(text, at=tmp_path)
    assert found.server.datadir == tmp_path / "state"
    assert found.server.allowedinputpaths == (tmp_path / "in", Path("/srv/in"))
    assert found.processing.packages == (str(tmp_path / "mine"), str(tmp_path / "one.py"), "a.module")


def test_the_file_itself_is_hidden_from_executions(tmp_path):
    found = settings("[processing]\nhiddenpaths = ['keys']\n", at=tmp_path)
    assert set(found.processing.hiddenpaths) == {tmp_path / "keys", tmp_path / "cloche.toml"}


def test_lists_may_be_texts_with_commas(tmp_path):
    found = settings("[server]\nlanguage = 'en-US, fr'\n", {"CLOCHE_PROCESSING__PACKAGES": "a, b.c"}, at=tmp_path)
    assert found.server.language == ("en-US", "fr")
    assert found.processing.packages == ("a", "b.c")


def test_overrides_for_one_process(tmp_path):
    found = settings(
        "[processes.'my.id']\nmode = 'sandbox'\nparallelprocesses = 1\nlimits.memory = '1GiB'\n", at=tmp_path
    )
    process = found.processes["my.id"]
    assert (process.mode, process.parallelprocesses, process.limits.memory) == ("sandbox", 1, 1 << 30)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[server]\nprot = 1", "cloche.toml: [server] prot: there is no such setting; did you mean 'port'?"),
        ("[sever]\nport = 1", "cloche.toml: [sever]: there is no such setting; did you mean 'server'?"),
        ("[server]\nport = 'x'", "cloche.toml: [server] port: Expected `int`, got `str`"),
        ("[server]\nport = 70000", "cloche.toml: [server] port: Expected `int` <= 65535"),
        ("[server]\nhost = 5", "cloche.toml: [server] host: Expected `str`, got `int`"),
        (
            "[processes.a.limits]\nmemroy = 1",
            "[processes.a.limits] memroy: there is no such setting; did you mean 'memory'?",
        ),
        ("server = 3", "cloche.toml: [server]: a table is expected, not 3"),
        ("[processing]\nmode = 'docker2'", "[processing] mode: Invalid enum value 'docker2'; one of: auto, "),
        ("[limits]\nmemory = '1 GB of RAM'", "[limits] memory: "),
        ("[limits]\ntime = true", "[limits] time: "),
        ("[limits]\nmemory = -1", "[limits] memory: "),
        ("[server]\nurl = 'http://example.org/wps'", "[server] url: "),
        ("[server]\nurl = 'example.org'", "[server] url: "),
        ("[server\n", "is not TOML"),
    ],
)
def test_a_mistake_names_its_place_and_the_mend(tmp_path, text, mistake):
    (line,) = mistakes(text, at=tmp_path)
    assert mistake in line


def test_every_mistake_is_reported_at_once(tmp_path):
    lines = mistakes("[server]\nprot = 1\nport = 'x'\n", {"CLOCHE_LIMITS__TIME": "soon"}, at=tmp_path)
    assert len(lines) == 3
    assert any(line.startswith("CLOCHE_LIMITS__TIME: [limits] time: ") for line in lines)


def test_a_wrong_variable_is_named(tmp_path):
    (line,) = mistakes("", {"CLOCHE_SERVER__PROT": "1"}, at=tmp_path)
    assert line.startswith("CLOCHE_SERVER__PROT: [server] prot: ")


def test_a_variable_below_a_value_is_a_mistake_not_a_crash(tmp_path):
    (line,) = mistakes("server = 3\n", {"CLOCHE_SERVER__PORT": "1"}, at=tmp_path)
    assert "a table is expected" in line


def test_other_variables_are_not_settings(tmp_path):
    assert settings("", {"CLOCHE_REQUIRE": "x", "HOME": "y"}, at=tmp_path).server.port == 5000


def test_settings_are_frozen(tmp_path):
    with pytest.raises(AttributeError):
        read(None, {}, directory=tmp_path).server.port = 3


def test_every_field_is_documented():
    def undocumented(kind: type, path: str = "") -> list[str]:
        found = []
        for field in msgspec.inspect.type_info(kind).fields:
            inner = field.type
            if isinstance(inner, msgspec.inspect.StructType):
                found += undocumented(inner.cls, f"{path}.{field.name}")
            elif isinstance(inner, msgspec.inspect.DictType):
                found += undocumented(inner.value_type.cls, f"{path}.{field.name}")
            elif not (isinstance(inner, msgspec.inspect.Metadata) and inner.extra_json_schema.get("description")):
                found.append(f"{path}.{field.name}")
        return found

    assert undocumented(Settings) == []


def test_packages_in_images_are_named_by_module_or_by_path(tmp_path):
    (tmp_path / "cloche.toml").write_text(
        '[packages.terrain]\nimage = "a:1"\n[packages."./slopes.py"]\nimage = "b:2"\n'
    )
    found = read(None, {}, directory=tmp_path)
    assert {name: package.image for name, package in found.packages.items()} == {
        "terrain": "a:1",
        str(tmp_path / "slopes.py"): "b:2",
    }
