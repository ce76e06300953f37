import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.authoring.docstrings import read, split

GOOGLE = """Grow features
    by a distance.

    Details follow:

    - one
    - two

    Args:
        features (Vector): What to grow.
        distance: How far. In metres,
            never negative.

    Returns:
        The grown features.

    Raises:
        ProcessError: never.
    """
NUMPY = """Grow features by a distance.

    Details.

    Parameters
    ----------
    features : Vector
        What to grow.
    distance, tolerance : float
        How far. In metres,
        never negative.

    Returns
    -------
    Vector
        The grown features.
    """
SPHINX = """Grow features by a distance.

    Details.

    :param features: What to grow.
    :param float distance: How far. In metres,
        never negative.
    :type features: Vector
    :returns: The grown features.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_all_styles_say_the_same(text):
    found = read(text)
    assert found.title == "Grow features by a distance"
    assert found.abstract.startswith("Details")
    assert "features" not in found.abstract
    assert found.parameters["features"] == "What to grow."
    assert split(found.parameters["distance"]) == ("How far", "In metres, never negative.")
    assert "The grown features." in found.returns


def test_lists_keep_their_lines():
    assert read(GOOGLE).abstract == "Details follow:\n\n- one\n- two"


def test_several_names_share_a_text():
    assert read(NUMPY).parameters["tolerance"] == "How far. In metres, never negative."


def test_nothing_is_said():
    found = read(None)
    assert (found.title, found.abstract, found.parameters, found.returns) == ("", "", {}, "")


def test_an_ellipsis_stays():
    assert read("And so on...").title == "And so on..."


@given(st.text(alphabet=st.sampled_from("Args:\n -ParameterseReturns.x: param"), max_size=200))
def test_any_text_is_read(text):
    found = read(text)
    assert len(found.title) <= len(text)
