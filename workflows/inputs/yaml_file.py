"""Read YAML files that a person writes: campaigns, training files, settings of clusters.

It reads YAML 1.2's numbers and booleans (``1e-5`` is a number, ``24:00:00`` and ``2026-11-30`` are
text) and refuses ambiguous values, with file and line.
"""

from __future__ import annotations

import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workflows.inputs.campaign_errors import CampaignError

# A campaign with a thousand sections has 0.2 MB. PyYAML reads 0.1 MB a second.
MOST_BYTES = 1_000_000
# With aliases written out: a few short lines can otherwise stand for billions of values.
MOST_NODES = 100_000
# The deepest key of all files has depth 6; Python's own stack ends at some 300.
_DEEPEST = 40
_LONGEST_NUMBER = 40

_BOOLEAN_WORDS = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"~|null|Null|NULL|")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
# Numbers in YAML 1.1 only: 010 is 8, 1_000 is 1000, 0x1F is 31.
_ODD_NUMBER = re.compile(
    r"[-+]?(?:0[0-9_]+|0[xXoObB][0-9a-fA-F_]+|[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?)"
)
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_PATTERNS = {"bool": _BOOLEAN, "null": _NULL, "int": _INTEGER, "float": _FLOAT}
_KNOWN_TAGS = {f"{_TAG}{name}" for name in (*_PATTERNS, "str", "map", "seq")}
_NAMES_OF_TAGS = {"bool": "a boolean", "null": "nothing", "int": "a number", "float": "a number"}

_REMEDIES = (
    ("'\\t'", "indent with spaces, not with tabs"),
    ("another document", "remove the line `---`: one file holds one document"),
    ("mapping values are not allowed", "check the indentation; quote text that holds `: `"),
    ("aliases written out", "remove what is repeated: check names after `*`"),
    ("alias that contains", "write the value out"),
    ("undefined alias", "write the value out, or quote text that begins with `*`"),
    ("cannot start any token", "quote text that begins with `%`, `@` or a backtick"),
)


@dataclass(frozen=True)
class FileKind:
    """Description of what a file should be, for error messages.

    Attributes
    ----------
    name
        Such as "campaign".
    keys
        Some of its keys, as errors show them.
    example
        Where an example is.
    """

    name: str
    keys: str
    example: str


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's scalars, and limits of depth and number."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._n_nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node unless there are too many, or it is nested too deep."""
        mark = self.peek_event().start_mark
        self._depth += 1
        self._n_nodes += 1
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(
                problem=f"brackets or lists more than {_DEEPEST} levels deep", problem_mark=mark
            )
        if self._n_nodes > MOST_NODES:
            raise yaml.MarkedYAMLError(problem=_too_many(), problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _resolve(loader: type[yaml.SafeLoader] | type[yaml.SafeDumper]) -> None:
    for name, pattern in _PATTERNS.items():
        whole = re.compile(rf"(?:{pattern.pattern})$")
        loader.add_implicit_resolver(f"{_TAG}{name}", whole, None)
    merge = re.compile(r"<<$")
    loader.add_implicit_resolver(_MERGE, merge, ["<"])


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 reads as another type, so that all readers agree."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Write scripts line by line."""
    return dumper.represent_scalar(f"{_TAG}str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)
_Loader.yaml_implicit_resolvers = {}  # not YAML 1.1's
_resolve(_Loader)
_resolve(_Dumper)


def read_yaml(path: Path, kind: FileKind) -> yaml.MappingNode:
    """Read a file that a person wrote into a tree whose nodes know file and line.

    Parameters
    ----------
    path
        The file.
    kind
        Expected kind.

    Raises
    ------
    CampaignError
        If the file is missing, is not YAML, or is ambiguous; with file, line and remedy.
    """
    return _composed(_text(path, kind), path, kind)


def content_of(root: yaml.MappingNode) -> dict[str, Any]:
    """Return what a tree of `read_yaml` holds."""
    content: dict[str, Any] = _Loader("").construct_document(root)
    return content


def yaml_text(content: dict[str, Any]) -> str:
    """Return YAML text that `read_yaml` reads back unchanged."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return text


def _text(path: Path, kind: FileKind) -> str:
    where = str(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise CampaignError(
                f"a folder, not a {kind.name}", where=where, remedy=f"name a file; {kind.example}"
            )
        if not stat.S_ISREG(mode):  # a pipe or a device may have no end
            raise CampaignError("no regular file", where=where, remedy="save it as a file first")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise CampaignError(
            f"no such {kind.name}", where=where, remedy=f"check the path; {kind.example}"
        ) from None
    except OSError as error:
        raise CampaignError(
            f"cannot be read: {error.strerror or error}",
            where=where,
            remedy="check the path and its permissions",
        ) from error
    if len(content) > MOST_BYTES:
        raise CampaignError(
            f"more than {MOST_BYTES:,} bytes: no {kind.name} is so long",
            where=where,
            remedy=f"check the path; {kind.example}",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CampaignError(
            "not a text in UTF-8",
            where=f"{path}:{line}",
            remedy=f"save it as UTF-8, or check the path; {kind.example}",
        ) from None


def _composed(text: str, path: Path, kind: FileKind) -> yaml.MappingNode:
    try:
        loader = _Loader(text)
        loader.name = str(path)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise CampaignError(
                f"a {kind.name} is a mapping of keys such as {kind.keys}"
                + ("; this file is empty" if root is None else ""),
                where=f"{path}:1",
                remedy=kind.example,
            )
        _check_size(root, {})
        _check(root, path, set())
        _flatten(root, loader, set())
        content_of(root)  # raises for values that only look like numbers
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise CampaignError(
            f"not valid YAML: the character U+{ord(text[error.position]):04X} is not allowed",
            where=f"{path}:{line}",
            remedy="remove it: perhaps this is no text file",
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "cannot be parsed"
        raise CampaignError(
            f"not valid YAML: {problem}",
            where=f"{path}:{mark.line + 1}" if mark else str(path),
            remedy=next(
                (remedy for words, remedy in _REMEDIES if words in problem),
                f"check brackets, quotes and indentation there and above; {kind.example}",
            ),
        ) from None  # PyYAML's message quotes the line, which may contain a secret
    return root


def _too_many() -> str:
    return f"more than {MOST_NODES:,} values, aliases written out: no such file needs so many"


def _check_size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return the number of nodes below; nodes behind aliases are counted each time."""
    known = sizes.get(id(node))
    if known == 0:
        raise yaml.MarkedYAMLError(
            problem="an alias that contains itself", problem_mark=node.start_mark
        )
    if known is not None:
        return known
    sizes[id(node)] = 0  # being counted
    size = 1 + sum(_check_size(child, sizes) for child in _children(node))
    if size > MOST_NODES:
        raise yaml.MarkedYAMLError(problem=_too_many(), problem_mark=node.start_mark)
    sizes[id(node)] = size
    return size


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _check(node: yaml.Node, path: Path, seen: set[int]) -> None:
    """Refuse duplicate keys, keys that are not text, and ambiguous scalars."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if node.tag not in _KNOWN_TAGS | {_MERGE}:
        raise _refused(
            node, path, f"the tag {node.tag.replace(_TAG, '!!')} is not known", "remove it"
        )
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(node, path)
    if isinstance(node, yaml.MappingNode):
        _check_keys(node, path)
    for child in _children(node):
        _check(child, path, seen)


def _check_keys(node: yaml.MappingNode, path: Path) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refused(key, path, "a list or mapping as a key", "quote it if it is text")
        _check_scalar(key, path)
        if key.tag not in {f"{_TAG}str", _MERGE}:
            raise _refused(
                key,
                path,
                f"the key `{key.value}` is read as {_NAMES_OF_TAGS[key.tag.removeprefix(_TAG)]}",
                f'quote it: "{key.value}"',
            )
        line = key.start_mark.line + 1
        if key.value in lines:
            raise _refused(
                key,
                path,
                f"the key `{key.value}` is given twice, in lines {lines[key.value]} and {line}",
                "remove one of them: only one can be used",
            )
        lines[key.value] = line


def _check_scalar(node: yaml.ScalarNode, path: Path) -> None:
    text = node.value
    plain = node.style is None
    if plain and _BOOLEAN_WORDS.fullmatch(text):
        meant = "true" if text.lower() in {"yes", "on"} else "false"
        raise _refused(
            node,
            path,
            f"`{text}` may be text or {meant}",
            f'quote it if it is text, as an element or a name: "{text}"; else write {meant}',
        )
    if plain and _ODD_NUMBER.fullmatch(text):
        raise _refused(
            node,
            path,
            "a number that programs read differently (leading zeros, `_`, hexadecimal, octal)",
            "write it in plain decimal digits, or quote it if it is text",
        )
    if plain and node.tag in {f"{_TAG}int", f"{_TAG}float"} and len(text) > _LONGEST_NUMBER:
        raise _refused(
            node, path, "a number of too many digits", "shorten it, or quote it if it is text"
        )
    pattern = _PATTERNS.get(node.tag.removeprefix(_TAG))
    if pattern is not None and not pattern.fullmatch(text):  # a tag such as !!int says so
        raise _refused(node, path, f"no {node.tag.replace(_TAG, '!!')}", "remove the tag")
    odd = next((letter for letter in text if _is_control(letter)), None)
    if odd is not None:
        raise _refused(
            node, path, f"the control character U+{ord(odd):04X}", "remove it from the text"
        )


def _is_control(letter: str) -> bool:
    return letter not in "\n\t" and unicodedata.category(letter) in {"Cc", "Cs"}


def _flatten(node: yaml.Node, loader: _Loader, seen: set[int]) -> None:
    """Replace merge keys (``<<``) by their content; a mapping's own keys win."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode) and any(key.tag == _MERGE for key, _ in node.value):
        loader.flatten_mapping(node)
        node.value = list({key.value: (key, value) for key, value in node.value}.values())
    for child in _children(node):
        _flatten(child, loader, seen)


def _refused(node: yaml.Node, path: Path, message: str, remedy: str) -> CampaignError:
    return CampaignError(message, where=f"{path}:{node.start_mark.line + 1}", remedy=remedy)
