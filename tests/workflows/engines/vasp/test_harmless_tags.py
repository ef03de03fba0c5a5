"""The tags that are not compared."""

from collections import Counter

from workflows.engines.vasp.harmless_tags import HARMLESS, is_harmless
from workflows.engines.vasp.tag_values import is_known


def test_each_tag_is_harmless_for_one_reason_and_not_compared_elsewhere():
    tags = [tag for group in HARMLESS.values() for tag in group.split()]
    assert [tag for tag, times in Counter(tags).items() if times > 1] == []
    assert [tag for tag in tags if is_known(tag)] == []
    assert all(HARMLESS)
    assert is_harmless("ML_MODE")
    assert not is_harmless("MLMODE")
