"""What `cloche doctor` finds out about containers."""

import pytest

import dockers
from cloche import __version__
from cloche.executors.docker.capabilities import probe
from cloche.executors.docker.executor import DockerExecutor
from cloche.ports.describer import PackageBroken


@pytest.fixture(autouse=True)
def _docker():
    dockers.need_docker()


def test_an_image_of_a_package_is_enough(tmp_path):
    found = probe(dockers.docker(tmp_path, image="", packages=(("chores", dockers.image()),)), __version__)
    assert (found.missing, found.inside is not None) == ("", True)


def test_an_image_of_a_package_that_is_not_there_is_named(tmp_path):
    images = (("chores", dockers.image()), ("other", "cloche-test-nowhere"))
    assert "cloche-test-nowhere" in probe(dockers.docker(tmp_path, packages=images), __version__).missing


def test_without_any_image_it_says_where_to_name_one(tmp_path):
    missing = probe(dockers.docker(tmp_path, image=""), __version__).missing
    assert "[processing] image or [packages.NAME] image" in missing


def test_a_package_without_an_image_is_told_so_in_plain_words(tmp_path):
    executor = DockerExecutor(dockers.docker(tmp_path, image=""))
    try:
        with pytest.raises(PackageBroken, match=r"^no image is named: "):
            executor.describe("chores")
    finally:
        executor.close()
