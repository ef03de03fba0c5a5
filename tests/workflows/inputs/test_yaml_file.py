import math
import os
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workflows.inputs.campaign_errors import CampaignError
from workflows.inputs.yaml_file import (
    MOST_BYTES,
    FileKind,
    content_of,
    read_yaml,
    yaml_text,
)

KIND = FileKind("campaign", "`name`", "inputs/quickstart.yaml is an example")


def read(tmp_path, text):
    path = tmp_path / "given.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return content_of(read_yaml(path, KIND))


def test_numbers_and_text_are_those_of_yaml_1_2(tmp_path):
    text = "a: [1e-5, 1.5e3, 1E2, -.5, 1., +3, 0, true, ~]\nb: [24:00:00, 2026-11-30, Y, n, =]\n"
    content = read(tmp_path, text)
    assert content["a"] == [1e-5, 1500.0, 100.0, -0.5, 1.0, 3, 0, True, None]
    assert content["b"] == ["24:00:00", "2026-11-30", "Y", "n", "="]
    assert math.isinf(read(tmp_path, "a: 1e400")["a"])  # the settings refuse it, with its key


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: {x: 1,\n    x: 2}\n", 3, "the key `x` is given twice, in lines 2 and 3"),
        ("a: 1\n\na: 2\n", 3, "in lines 1 and 3"),
        ("a:\n  No: {b: 1}\n", 2, '`No` may be text or false\n  → quote it .*: "No"'),
        ("a: [Li, No]\n", 1, 'quote it .*: "No"; else write false'),
        ("a: on\n", 1, '"on"; else write true'),
        ("a: 010\n", 1, "plain decimal digits"),
        ("a: 1_000\n", 1, "plain decimal digits"),
        ("a: 0x1F\n", 1, "plain decimal digits"),
        ("a: 1\n2: 1\n", 2, 'the key `2` is read as a number\n  → quote it: "2"'),
        ("a: 1\nnull: 1\n", 2, "the key `null` is read as nothing"),
        ("a: 1\ntrue: 1\n", 2, "is read as a boolean"),
        ("? [a]\n: 1\n", 1, "a list or mapping as a key"),
        ("a: 1\nb: " + "[" * 10_000, 2, "levels deep"),
        ("a: 1\nb: &x [*x]\n", 2, "contains itself"),
        ("a: 1\nb: &x {<<: *x}\n", 2, "contains itself"),
        ("a: 1\nb: *x\n", 2, "undefined alias"),
        ("a: 1\n---\nb: 1\n", 2, "one file holds one document"),
        ("a:\n\tb: 1\n", 2, "indent with spaces"),
        ("a: 1\nb: c: d\n", 2, "check the indentation"),
        ("a: 1\nb: !!python/object/apply:os.getcwd []\n", 2, "the tag .* is not known"),
        ("a: 1\nb: !!int x\n", 2, "no !!int"),
        ("a: 1\nb: \0\n", 2, r"U\+0000 is not allowed"),
        ('a: 1\nb: "\\0"\n', 2, r"control character U\+0000"),
        ('a: 1\nb: "\\e[2J"\n', 2, r"control character U\+001B"),
        ('a: 1\nb: "\\ud800"\n', 2, r"control character U\+D800"),
        (f"a: {'9' * 5000}\n", 1, "too many digits"),
        ("a: 1\nb: 'x\n", 3, "check brackets, quotes"),
        ("- a\n", 1, "a campaign is a mapping of keys such as `name`"),
        ("# nothing\n", 1, "this file is empty"),
        ("a: 1\nb: ü\n".encode("latin-1"), 2, "not a text in UTF-8"),
        ("a: ü\n".encode("utf-16"), 1, "not a text in UTF-8"),
        ("a: " + "x" * MOST_BYTES, None, "no campaign is so long"),
    ],
)
def test_refusals_name_file_line_and_remedy(text, line, said, tmp_path):
    with pytest.raises(CampaignError) as caught:
        read(tmp_path, text)
    place = f"given.yaml:{line}:" if line else "given.yaml:"
    assert place in str(caught.value)
    assert re.search(said, str(caught.value)), str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("merge", [False, True])
def test_a_few_lines_do_not_stand_for_billions_of_values(merge, tmp_path):
    lines = ["x0: &x0 {a: 1}"]
    for i in range(1, 12):
        nine = ", ".join([f"*x{i - 1}"] * 9)
        lines.append(f"x{i}: &x{i} " + (f"{{<<: [{nine}]}}" if merge else f"[{nine}]"))
    with pytest.raises(CampaignError, match="aliases written out"):
        read(tmp_path, "\n".join(lines))


def test_aliases_and_merge_keys_are_written_out_and_own_keys_win(tmp_path):
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: [*a, *a]\n"
    assert read(tmp_path, text) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 3, "y": 2},
        "c": [{"x": 1, "y": 2}] * 2,
    }


def test_what_is_no_file_of_text(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # to read it would never end
    for name, said in (
        (".", "a folder, not a campaign"),
        ("pipe", "no regular file"),
        ("absent.yaml", "no such campaign"),
        ("x" * 300, "cannot be read"),
    ):
        with pytest.raises(CampaignError, match=said) as caught:
            read_yaml(tmp_path / name, KIND)
        assert caught.value.remedy


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ["No", "on", "1e3", "010", "1_000", "1:30", "2026-11-30", "~", "", "null", "<<", "=", "0x1F",
     ".inf", "true", "- a", "a: b", "#", "*a", "&a", "!x", "%", "@", "y", "\u2028", "\ufeff"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXTS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_what_is_written_is_read_back_by_us_and_by_yaml_1_1(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(yaml_text(content), encoding="utf-8")
    assert content_of(read_yaml(path, KIND)) == content
    assert yaml.safe_load(yaml_text(content)) == content
