"""What executions may see of the host's files."""

from pathlib import Path

import pytest

from cloche.runner.walls.view import Code, location, view_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package file beside the server's data, as people have it."""
    for name in ("procs.py", "helper.py", "cloche.toml", "cloche-data/jobs/x", "cloche-data/cloche.db", "maps/a/b.tif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def below(folder: Path, *readable: Path, hidden: tuple[Path, ...] = ()) -> set[str]:
    seen = view_of(Code(own=readable), hidden=[str(h) for h in hidden]).readable
    return {str(Path(path).relative_to(folder)) for path in seen if Path(path).is_relative_to(folder)}


def test_a_directory_is_shown_whole_where_nothing_in_it_is_hidden(project: Path) -> None:
    assert below(project, project) == {"."}


def test_what_is_hidden_leaves_the_rest_of_its_directory(project: Path) -> None:
    hidden = (project / "cloche-data", project / "cloche.toml")
    assert below(project, project, hidden=hidden) == {"procs.py", "helper.py", "maps"}


def test_hiding_reaches_deep(project: Path) -> None:
    assert below(project, project, hidden=(project / "maps/a/b.tif",)) == {
        *("procs.py", "helper.py", "cloche.toml", "cloche-data"),
    }


def test_what_is_asked_for_below_something_hidden_stays_hidden(project: Path) -> None:
    assert below(project, project / "cloche-data/jobs", hidden=(project / "cloche-data",)) == set()


def test_paths_below_others_are_named_once(project: Path) -> None:
    assert below(project, project / "maps", project / "maps/a", project / "procs.py") == {"maps", "procs.py"}


def test_links_are_shown_with_what_they_lead_to(project: Path) -> None:
    (project / "elsewhere").mkdir()
    (project / "elsewhere/real").mkdir()
    (project / "link").symlink_to("elsewhere")
    view = view_of(Code(own=(project / "link/real",)))
    assert str(project / "elsewhere/real") in view.readable
    assert (str(project / "link"), "elsewhere") in view.links


def test_a_link_to_something_hidden_shows_nothing(project: Path) -> None:
    (project / "link").symlink_to("cloche-data")
    assert below(project, project / "link", hidden=(project / "cloche-data",)) == set()


@pytest.mark.parametrize("target", ["cloche-data", "cloche-data/jobs/x", "cloche.toml", ".", "..", "link", "nowhere"])
def test_a_link_beside_something_hidden_is_no_way_round_to_it(project: Path, target: str) -> None:
    hidden = (project / "cloche-data", project / "cloche.toml")
    (project / "link").symlink_to(target)
    assert below(project, project, hidden=hidden) == {"procs.py", "helper.py", "maps"}


def test_a_link_beside_something_hidden_leads_elsewhere(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "table.csv").touch()
    (project / "link").symlink_to(elsewhere)
    (project / "table.csv").symlink_to("link/table.csv")
    view = view_of(Code(own=(project,)), hidden=[str(project / "cloche-data")])
    assert str(elsewhere) in view.readable
    assert {str(project / "link"), str(project / "table.csv")} <= {link for link, _ in view.links}


def test_python_and_the_system_are_readable() -> None:
    readable = view_of(Code()).readable
    for needed in ("/usr", str(Path(__import__("cloche").__file__).parent)):
        assert any(Path(needed).resolve().is_relative_to(path) for path in readable), needed


def test_network_files_come_with_the_network() -> None:
    resolver = Path("/etc/resolv.conf").resolve()
    with_network = view_of(Code(), network=True).readable
    assert not resolver.exists() or any(resolver.is_relative_to(path) for path in with_network)
    assert not any(resolver.is_relative_to(path) for path in view_of(Code()).readable)


@pytest.mark.parametrize(
    ("spec", "own", "around"),
    [
        ("{0}/procs.py", ["procs.py"], ["."]),
        ("{0}/maps", ["maps"], []),
        ("{0}/none.py", [], []),
        ("no.such.module", [], []),
    ],
)
def test_packages_are_located_without_being_imported(
    project: Path, spec: str, own: list[str], around: list[str]
) -> None:
    found = location(spec.format(project))
    assert found == Code(own=tuple(project / path for path in own), around=tuple(project / path for path in around))


def test_of_what_is_around_a_package_only_what_is_legible_is_shown(project: Path) -> None:
    def shown(*illegible: str, hidden: tuple[str, ...] = ()) -> set[str]:
        view = view_of(
            location(f"{project}/procs.py"),
            hidden=[str(project / name) for name in hidden],
            legible=lambda path: path not in [project / name for name in illegible],
        )
        return {str(Path(path).relative_to(project)) for path in view.readable if Path(path).is_relative_to(project)}

    assert shown() == {"."}
    assert shown(".") == {"procs.py"}
    assert shown("maps", hidden=("cloche-data",)) == {"procs.py", "helper.py", "cloche.toml"}
    # without its own file it is nothing: that one is not left out silently
    assert shown("procs.py", "maps", hidden=("cloche-data",)) == {"procs.py", "helper.py", "cloche.toml"}


def test_a_module_is_located_by_its_outermost_package(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "outer/inner").mkdir(parents=True)
    (project / "outer/__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(project))
    assert location("outer.inner") == Code(own=(project / "outer",))
    assert location("helper") == Code(own=(project / "helper.py",), around=(project,))
