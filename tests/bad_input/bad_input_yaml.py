"""Faults of YAML files: of their text, of their keys, and of their values."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import bad_input_samples as samples
import yaml
from bad_input_cases import Case, Verdict

_RESOLVER = yaml.SafeLoader("")
# Mappings whose keys a person chooses, or names of things elsewhere.
_OPEN = {"crystals", "potcars", "incar", "search_space", "counts", "variables", "classes"}


@dataclass(frozen=True)
class Sample:
    """A valid file, and the command that reads it without computing anything."""

    kind: str
    text: str
    command: tuple[str, ...]
    file: str = "given.yaml"

    def case(self, fault: str, text: str | bytes, verdict: Verdict = "refuse") -> Case:
        content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return Case(
            f"{self.kind}: {fault}",
            self.command,
            {self.file: content},
            verdict,
            re.escape(self.file),
        )


SAMPLES = [
    Sample("campaign", samples.CAMPAIGN, ("plan", "given.yaml")),
    Sample("campaign for VASP", samples.VASP, ("generate", "given.yaml", "-w", "workdir")),
    Sample("training file", samples.TRAINING, ("tune", "given.yaml", "--dry-run")),
    Sample("study", samples.STUDY, ("tune", "given.yaml", "--dry-run")),
    Sample(
        "cluster's settings",
        samples.HPC_SETTINGS.read_text(encoding="utf-8"),
        ("hpc", "write", "-p", "licu", "--dry-run"),
        file="licu/hpc.yaml",
    ),
]

NOT_FINITE = [".inf", "-.inf", ".nan", "1e400", "1e308", "-1e308", "1e30"]
NO_NUMBER = ["abc", '"3"', "true", "{}", "[[]]", "1 Å", "1,5", "nan", "inf", "1:30", "2026-11-30"]
AMBIGUOUS = ["No", "no", "on", "yes", "Off", "YES", "010", "1_000", "0x1F", "-007", "0b11"]
PATHS = ["../../outside", "a/b", "/tmp/x", "..", ".", "C:\\x", "-rf", "a\\nb", "a\\0b", "x" * 300,
         "Сu", "a.", "a ", " a", "", "~", "$HOME", "`x`", "a;b", "\u202egpj", "*",
         "a|b"]  # fmt: skip
NOT_TEXT = ["3", "1.5", "true", "null", "[a]", "{a: b}"]
KEYS_NOT_TEXT = ["1", "1.5", "true", "null", "~", "[a, b]", "{a: b}", "No", "010", ".inf"]
INCAR = {
    "SYSTEM": ['"a\\nENCUT = 1"', '"a; ENCUT=1"', '"a ! b"', '"a # b"', '"a \\\\"', '"a = b"',
               '"é"', '""', '" "', "[]", "{}", "null", ".inf", ".nan", "1e400", '"a\\tb\\rc"'],
    "ALGO": ['" Fast"', "Fast", '"fast "', "VeryFast", '"N; ENCUT=200"'],
    "LASPH": ["false", '".FALSE."', '"F"', '" .F."', "0"],
    "ISIF": ["3", '"3"', "true", "2.5"],
    "ISYM": ["1", "2", '"2"', "false"],
    "ISMEAR": ["-5"],
    "LHFCALC": ["true", '".TRUE."', "T"],
}  # fmt: skip
INCAR_KEYS = ["ENCUT", "encut", '" ENCUT"', '"ENCUT "', '"+ENCUT"', '"EN CUT"', '"X=1; ENCUT"',
              '"A\\nENCUT"', '"!X"', '"#X"', '"NSW"', "METAGGA", "GGA", "Sigma", '""', '"ÉNCUT"',
              "PSTRESS", "IBRION", "ISTART", "kspacing", "LWAVE", "potim", "NBLOCK"]  # fmt: skip
HUGE = [
    ("bulk: {strains: [-0.02, 0.0], supercell: [1, 1, 1]}", "bulk: {supercell: [60, 60, 60]}"),
    ("bulk: {strains: [-0.02, 0.0], supercell: [1, 1, 1]}", "bulk: {supercell: [0, 1, 1]}"),
    ("bulk: {strains: [-0.02, 0.0], supercell: [1, 1, 1]}", "bulk: {supercell: [-1, 1, 1]}"),
    ("bulk: {strains: [-0.02, 0.0], supercell: [1, 1, 1]}", "bulk: {strains: []}"),
    ("min_thickness: 5.0", "min_thickness: 1000000.0"),
    ("vacuum: 6.0, free", "vacuum: 1000000, free"),
    ("max_index: 1", "max_index: 50"),
    ("miller_indices: [[1, 0, 0]]", "miller_indices: [[1000, 999, 1]]"),
    ("miller_indices: [[1, 0, 0]]", "miller_indices: [[2, 0, 0]]"),
    ("miller_indices: [[1, 0, 0]]", "miller_indices: [[0, 0, 0]]"),
    ("miller_indices: [[1, 0, 0]]", "miller_indices: [[1, 0]]"),
    ("supercell: [2, 2], removed: 1", "supercell: [1000, 1000], removed: 1"),
    ("removed: 1", "removed: 1000000"),
    ("supercell: [1, 1], sites", "supercell: [100000, 1], sites"),
    ("registries: [1, 1]", "registries: [10000, 10000]"),
    ("max_atoms: 200", "max_atoms: 1000000000"),
    ("formulas: [Li4Cu4]", "formulas: [Li1000000000]"),
    ("formulas: [Li4Cu4]", "formulas: [Li40000Cu40000]"),
    ("formulas: [Li4Cu4]", "formulas: [Li1e400]"),
    ("formulas: [Li4Cu4]", 'formulas: ["(((((Li)9)9)9)9)9"]'),
    ("formulas: [Li4Cu4]", "formulas: [Li0.5]"),
    ("density: 4.0", "density: 1000000"),
    ("density: 4.0", "density: 1e-300"),
    ("min_distance: 1.5", "min_distance: 1e-300, copies: 100000000"),
    ("copies: 1, seed", "copies: 1000000000, seed"),
    ("copies: 1, standard", "copies: 1000000000, standard"),
    ("supercell: [1, 1, 1], copies: 1", "supercell: [20, 20, 20], copies: 10000"),
    ("cooling_rate: 5000.0", "cooling_rate: 1e-3"),
    ("cooling_rate: 5000.0", "cooling_rate: 1e-300"),
    ("hold_steps: 20", "hold_steps: 1000000000000"),
    ("hold_steps: 20, segment_steps: 20", "hold_steps: 9000000, segment_steps: 1"),
    ("max_epochs: 1", "max_epochs: 1000000000000"),
    ("a: 3.575", "a: 1e6"),
    ("r_max: 4.0", "r_max: 1000"),
    ("num_scalar_features: 8", "num_scalar_features: 1000000000"),
    ("species: [Li]", "species: [Xx]"),
    ("species: [Li]", "species: []"),
    ("crystals: [Cu], supercell: [2", "crystals: [Zn], supercell: [2"),
    ("crystal: Cu", "crystal: ../Cu"),
]


def cases(rng: random.Random) -> Iterator[Case]:
    """Yield cases without end: all faults in turn, each on a sample and at a place by chance."""
    while True:
        for fault in _FAULTS:
            yield fault(rng)


def _sample(rng: random.Random) -> Sample:
    return rng.choice(SAMPLES)


def _root(sample: Sample) -> yaml.MappingNode:
    root = yaml.compose(sample.text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    for node, _ in _nodes(root):
        node.start_mark = node.end_mark = None
        if not isinstance(node, yaml.ScalarNode):
            node.flow_style = False
    return root


def _nodes(node: yaml.Node, keys: tuple[str, ...] = ()) -> Iterator[tuple[yaml.Node, tuple]]:
    yield node, keys
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(value, (*keys, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _nodes(child, keys)


def _leaves(root: yaml.Node, *tags: str) -> list[tuple[yaml.ScalarNode, tuple[str, ...]]]:
    return [
        (node, keys)
        for node, keys in _nodes(root)
        if isinstance(node, yaml.ScalarNode) and node.tag.rpartition(":")[2] in tags
    ]


def _text(root: yaml.Node) -> str:
    return yaml.serialize(root, allow_unicode=True, width=10_000)


_MARK = "WRITEHERE"


def _with_leaf(rng: random.Random, sample: Sample, tags: tuple[str, ...], new: str) -> str | None:
    """Text of the sample with a leaf replaced by what is written as it stands."""
    root = _root(sample)
    leaves = _leaves(root, *tags)
    if not leaves:
        return None
    leaf, _ = rng.choice(leaves)
    leaf.value, leaf.tag, leaf.style = _MARK, "tag:yaml.org,2002:str", None
    return _text(root).replace(_MARK, new)


def _number(rng: random.Random) -> Case:
    sample = _sample(rng)
    new = rng.choice(NOT_FINITE + NO_NUMBER)
    text = _with_leaf(rng, sample, ("int", "float"), new)
    if text is None:
        return _number(rng)
    # 1:30 is a wall time; text is one in places where a seed or a memory is none.
    verdict: Verdict = "either" if sample.kind.startswith("cluster") else "refuse"
    if sample.kind == "campaign for VASP" and new in {"abc", '"3"', "true", "nan", "inf", "1:30",
                                                      "2026-11-30", "1,5", "1 Å"}:  # fmt: skip
        verdict = "either"  # an INCAR tag may be text
    return sample.case(f"number {new}", text, verdict)


def _null(rng: random.Random) -> Case:
    sample = _sample(rng)
    text = _with_leaf(rng, sample, ("int", "float", "str"), rng.choice(["null", "~", ""]))
    return sample.case("null", text or "", "either")


def _ambiguous(rng: random.Random) -> Case:
    sample = _sample(rng)
    new = rng.choice(AMBIGUOUS)
    text = _with_leaf(rng, sample, ("int", "float", "str"), new)
    return sample.case(f"ambiguous {new}", text or "")


def _not_text(rng: random.Random) -> Case:
    sample = _sample(rng)
    new = rng.choice(NOT_TEXT)
    text = _with_leaf(rng, sample, ("str",), new)
    # Lists hold lists, INCAR holds numbers, and many keys may be null.
    return sample.case(f"no text {new}", text or "", "either")


def _key(rng: random.Random) -> Case:
    sample = _sample(rng)
    root = _root(sample)
    mappings = [node for node, _ in _nodes(root) if isinstance(node, yaml.MappingNode)]
    new = rng.choice(KEYS_NOT_TEXT)
    place = rng.choice(mappings)
    key = yaml.ScalarNode("tag:yaml.org,2002:str", _MARK)
    value = yaml.ScalarNode("tag:yaml.org,2002:int", "1")
    place.value.insert(rng.randrange(len(place.value) + 1), (key, value))
    text = _text(root).replace(f"{_MARK}:", f"? {new}\n{_MARK}:" if new[0] in "[{" else f"{new}:")
    if _MARK in text:  # an explicit key, at the mark's indentation
        lines = text.splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if _MARK in line)
        indent = len(lines[at - 1]) - len(lines[at - 1].lstrip(" -"))
        lines[at] = f"{' ' * indent}: 1\n"
        text = "".join(lines)
    return sample.case(f"key {new}", text)


def _unknown_key(rng: random.Random) -> Case:
    sample = _sample(rng)
    root = _root(sample)
    mappings = [
        node
        for node, keys in _nodes(root)
        if isinstance(node, yaml.MappingNode) and (not keys or keys[-1] not in _OPEN)
    ]
    pair = tuple(
        yaml.ScalarNode("tag:yaml.org,2002:str", text)
        for text in (rng.choice(["sed", "aa", "vacum", "__class__", "model_config", "x"]), "y")
    )
    rng.choice(mappings).value.append(pair)
    return sample.case("unknown key", _text(root))


def _duplicate(rng: random.Random) -> Case:
    sample = _sample(rng)
    root = _root(sample)
    mappings = [node for node, _ in _nodes(root) if isinstance(node, yaml.MappingNode)]
    place = rng.choice([node for node in mappings if node.value])
    key, value = rng.choice(place.value)
    again = yaml.ScalarNode(key.tag, key.value)
    other = value if rng.random() < 0.5 else yaml.ScalarNode("tag:yaml.org,2002:int", "1")
    place.value.append((again, other))
    return sample.case("duplicate key", _text(root))


def _missing(rng: random.Random) -> Case:
    sample = _sample(rng)
    root = _root(sample)
    required = {"name", "crystals", "structures", "data", "project", "scheduler", "work_dir",
                "min_thickness", "substrate", "species", "formulas", "walltime", "low"}  # fmt: skip
    places = [
        (node, pair)
        for node, keys in _nodes(root)
        if isinstance(node, yaml.MappingNode)
        for pair in node.value
        if not (pair[0].value == "name" and keys)  # an engine's has a default
        # `hpc init` knows the project by its option
        and pair[0].value in required and not (sample.kind.startswith("cluster"))
        and not (pair[0].value == "crystals" and keys)
    ]  # fmt: skip
    if not places:
        return _missing(rng)
    node, pair = rng.choice(places)
    node.value.remove(pair)
    return sample.case(f"without {pair[0].value}", _text(root))


def _bomb(rng: random.Random) -> Case:
    sample = _sample(rng)
    root = _root(sample)
    node: yaml.Node = yaml.ScalarNode("tag:yaml.org,2002:float", "0.01")
    for _ in range(rng.randint(6, 9)):
        node = yaml.SequenceNode("tag:yaml.org,2002:seq", [node] * 10, flow_style=True)
    places = [node for node, _ in _nodes(root) if isinstance(node, yaml.MappingNode)]
    place = rng.choice(places)
    if place.value and rng.random() < 0.5:
        key, _ = place.value.pop()
    else:
        key = yaml.ScalarNode("tag:yaml.org,2002:str", "bomb")
    place.value.append((key, node))
    return sample.case("alias bomb", _text(root))


def _merge_bomb(rng: random.Random) -> Case:
    sample = _sample(rng)
    lines = ["x0: &x0 {a: 1, b: 2}"]
    lines += [f"x{i}: &x{i} {{<<: [{', '.join([f'*x{i - 1}'] * 9)}]}}" for i in range(1, 9)]
    return sample.case("merge bomb", "\n".join(lines) + "\n" + sample.text)


def _aliases(rng: random.Random) -> Case:
    """A control: aliases and merge keys that stand for what was there."""
    sample = _sample(rng)
    root = _root(sample)
    texts: dict[str, yaml.ScalarNode] = {}
    for node, _ in _nodes(root):
        if isinstance(node, yaml.SequenceNode | yaml.MappingNode):
            children = node.value
            for i, child in enumerate(children):
                value = child[1] if isinstance(child, tuple) else child
                if isinstance(value, yaml.ScalarNode):
                    value = texts.setdefault(f"{value.tag}{value.value}", value)
                    children[i] = (child[0], value) if isinstance(child, tuple) else value
    return sample.case("aliases", _text(root), "accept")


def _harmless(rng: random.Random) -> Case:
    """A control: other ways to write the same."""
    sample = _sample(rng)
    root = _root(sample)
    text = _text(root)
    ways = {
        "as it is": sample.text,
        "block style": text,
        "byte order mark": "\ufeff" + sample.text,
        "CRLF": sample.text.replace("\n", "\r\n"),
        "comments": "# é\n" + sample.text.replace("\n", "  # x\n", 1),
        "document marks": f"---\n{sample.text}...\n",
        "blank lines": sample.text.replace("\n", "\n\n"),
        "JSON": _json(sample.text),
    }
    way = rng.choice(list(ways))
    if way == "blank lines" and "|" in sample.text:
        way = "as it is"
    return sample.case(f"control, {way}", ways[way], "accept")


def _json(text: str) -> str:
    import json

    # As PyYAML reads it, but numbers with exponents and wall times stay text there.
    return json.dumps(yaml.safe_load(text.replace("1e-3", "0.001").replace("1e-5", "0.00001")))


def _broken_text(rng: random.Random) -> Case:
    sample = _sample(rng)
    text = sample.text
    at = rng.randrange(len(text))
    ways: dict[str, str | bytes] = {
        "empty": "",
        "blank": " \n\n# nothing\n",
        "a list": "- a\n- b\n",
        "a text": "just words\n",
        "a number": "42\n",
        "tab": text.replace("\n  ", "\n\t", 1),
        "NUL": text[:at] + "\0" + text[at:],
        "bell": text[:at] + "\a" + text[at:],
        "UTF-16": text.encode("utf-16"),
        "Latin-1": ("# é\n" + text).encode("latin-1"),
        "gzip": b"\x1f\x8b\x08\x00" + bytes(rng.randrange(256) for _ in range(200)),
        "random bytes": bytes(rng.randrange(256) for _ in range(2000)),
        "deep flow": text + "x: " + "[" * rng.choice([60, 1000, 50_000]),
        "deep blocks": text + "x:\n" + "".join(f"{' ' * i}- \n" for i in range(1, 300)),
        "deep keys": text + "x: " + "{a: " * 2000,
        "two documents": f"{text}\n---\n{text}",
        "open quote": text.replace(": ", ': "', 1),
        "open bracket": text + "x: [1, 2\n",
        "undefined alias": text + "x: *nothing\n",
        "recursive alias": text + "x: &a [*a]\n",
        "recursive mapping": text + "x: &a {b: *a}\n",
        "merge of itself": text + "x: &a {<<: *a}\n",
        "merge of text": text + "<<: text\n",
        "python tag": text + "x: !!python/object/apply:os.system [touch pwned]\n",
        "own tag": text + "x: !mine 3\n",
        "binary tag": text + "x: !!binary aGVsbG8=\n",
        "wrong tag": text + "x: !!int abc\n",
        "date tag": text + "x: !!timestamp 2026-13-77\n",
        "set tag": text + "x: !!set {a, b}\n",
        "directive": "%YAML 9.9\n---\n" + text,
        "long number": text + f"x: {'9' * 5000}\n",
        "long line": text + f"x: {'y' * 1_100_000}\n",
        "many keys": text + "".join(f"k{i}: {i}\n" for i in range(20_000)),
        "surrogate": text + 'x: "\\ud800"\n',
        "escape": text + 'x: "\\e[2J"\n',
        "percent": "%" + text,
        "at sign": text + "@: 1\n",
        "colon": text + "a: b: c\n",
    }
    way = rng.choice(list(ways))
    return sample.case(f"text, {way}", ways[way])


def _random_damage(rng: random.Random) -> Case:
    sample = _sample(rng)
    content = bytearray(sample.text.encode())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content))
        what = rng.choice(["flip", "remove", "insert", "cut", "swap"])
        if what == "flip":
            content[at] ^= 1 << rng.randrange(8)
        elif what == "remove":
            del content[at : at + rng.randint(1, 10)]
        elif what == "insert":
            content[at:at] = rng.choice([b":", b"-", b"[", b"}", b"\n", b" ", b"'", b"&a ", b"*a"])
        elif what == "cut":
            del content[max(at, 30) :]
        else:
            other = rng.randrange(len(content))
            content[at], content[other] = content[other], content[at]
    return sample.case("random damage", bytes(content), "either")


def _name(rng: random.Random) -> Case:
    sample = rng.choice([s for s in SAMPLES if not s.kind.startswith("cluster")])
    name = rng.choice(PATHS)
    if sample.kind.startswith("campaign") and rng.random() < 0.6:
        text = sample.text.replace("crystals:\n  Cu:", f'crystals:\n  "{name}":')
    else:
        text = sample.text.replace("name: small", f'name: "{name}"')
    return sample.case("name of files", text)


def _incar(rng: random.Random) -> Case:
    sample = next(s for s in SAMPLES if s.kind == "campaign for VASP")
    if rng.random() < 0.5:
        tag = rng.choice(list(INCAR))
        entry = f"{tag}: {rng.choice(INCAR[tag])}"
    else:
        entry = f"{rng.choice(INCAR_KEYS)}: {rng.choice(['1', 'text', 'true', '[1, 2]'])}"
    return sample.case("INCAR", sample.text.replace("NELM: 120, ALGO: All", entry))


def _potcar(rng: random.Random) -> Case:
    sample = next(s for s in SAMPLES if s.kind == "campaign for VASP")
    entry = rng.choice(["Cu: Cu_/../../x", 'Cu: "Cu_pv\\nx"', "Cu: Li_sv", '"../x": "../x"',
                        'Cu: ""', "Cu: 3", "Cu: [Cu]", "cu: cu", "Cu: Cu_"])  # fmt: skip
    return sample.case("POTCAR", sample.text.replace("Cu: Cu_pv", entry))


def _huge(rng: random.Random) -> Case:
    sample = SAMPLES[0]
    old, new = rng.choice(HUGE)
    assert old in sample.text
    return sample.case(f"size, {new}", sample.text.replace(old, new, 1))


def _section(rng: random.Random) -> Case:
    """Another kind of thing in place of a section."""
    sample = _sample(rng)
    root = _root(sample)
    index = rng.randrange(len(root.value))
    key, _ = root.value[index]
    new = rng.choice(["3", "text", "[]", "[1, 2]", "true", "{}", "{nothing: 1}", "[[[]]]"])
    root.value[index] = (key, yaml.ScalarNode("tag:yaml.org,2002:str", _MARK))
    verdict: Verdict = "either"  # an empty section is all defaults; a name may be text
    if new in {"[]", "[1, 2]", "true", "{nothing: 1}", "[[[]]]"}:
        verdict = "refuse"
    if sample.kind.startswith("cluster"):
        verdict = "either"
    return sample.case(f"section {new}", _text(root).replace(_MARK, new), verdict)


_FAULTS: list[Callable[[random.Random], Case]] = [
    _number, _number, _null, _ambiguous, _not_text, _key, _unknown_key, _duplicate, _missing,
    _bomb, _merge_bomb, _aliases, _harmless, _broken_text, _broken_text, _random_damage,
    _random_damage, _name, _incar, _incar, _potcar, _huge, _huge, _section,
]  # fmt: skip
