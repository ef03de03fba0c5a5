import pytest

from cuprolith.words import listed, plural


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "job", "1 job"),
        (0, "job", "0 jobs"),
        (2000, "frame", "2,000 frames"),
        (3, "study", "3 studies"),
    ],
)
def test_a_number_and_its_noun(number, noun, text):
    assert plural(number, noun) == text


def test_words_in_a_row():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], most=3) == "a, b and c"
    assert listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"
