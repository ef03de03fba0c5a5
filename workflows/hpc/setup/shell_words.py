"""What may stand in job scripts: names by tight patterns, lines of known forms quoted anew.

jobflow-remote and qtoolkit write modules, exports, folders and options of the scheduler into
scripts as they are, so whatever comes from a person is checked and quoted before they get it.
"""

from __future__ import annotations

import re
import shlex
from typing import Annotated

from pydantic import AfterValidator


def _name(characters: str, said: str, longest: int, first: str = "A-Za-z0-9_") -> AfterValidator:
    """Return the check of a name that is inert in a script and no option of a command."""
    pattern = re.compile(f"[{first}][{characters}]*")

    def check(text: str) -> str:
        if len(text) > longest or not pattern.fullmatch(text):
            raise ValueError(f"write at most {longest} of: {said}; a letter or a digit first")
        return text

    return AfterValidator(check)


ModuleName = Annotated[str, _name("A-Za-z0-9_.+:/-", "letters, digits, `_ . + : / -`", 200)]
VariableName = Annotated[str, _name("A-Za-z0-9_", "letters, digits, `_`", 100, first="A-Za-z_")]
QueueName = Annotated[str, _name("A-Za-z0-9_.,@-", "letters, digits, `_ . , @ -`", 200)]
AccountName = Annotated[str, _name("A-Za-z0-9_.@+-", "letters, digits, `_ . @ + -`", 100)]
FeatureExpression = Annotated[
    str, _name("A-Za-z0-9_.:|&,*()-", "letters, digits, `_ . : | & , * ( ) -`", 200)
]
HostName = Annotated[str, _name("A-Za-z0-9_.-", "letters, digits, `_ . -`", 253)]
EnvironmentName = Annotated[
    str, _name("A-Za-z0-9_.+/-", "letters, digits, `_ . + / -`", 300, first="A-Za-z0-9_/")
]
ParallelEnvironment = Annotated[str, _name("A-Za-z0-9_.*-", "letters, digits, `_ . * -`", 100)]
DatabaseName = Annotated[
    str, _name("A-Za-z0-9_$-", "letters, digits, `_ $ -`", 60, first="A-Za-z0-9_$")
]

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./@+-]*")
_COMMAND = re.compile(r"[A-Za-z0-9_./$][A-Za-z0-9_./:=,@%+${} -]*")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_PIECE = re.compile(
    r"'(?P<single>[^']*)'"
    r'|"(?P<double>[^"]*)"'
    rf"|(?P<variable>{_VARIABLE.pattern})"
    r"|(?P<bare>[\w./:=,@%+-]+)"
)
_NOT_LITERAL = re.compile(r"[$`\\]")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:/-]*")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_.+/-]*")
_LIMIT = re.compile(r"-[csvlnu]")
_MODULE_VERBS = ("load", "unload", "swap", "use", "purge")
_LONGEST_LINE = 2000
KNOWN_FORMS = (
    "module load|unload|swap|use|purge …, source FILE, conda activate NAME, export NAME=VALUE, "
    "unset NAME, ulimit -s unlimited"
)


def project_name(name: str) -> str:
    """Check the name of a project, which is a file's name, too."""
    if len(name) > 60 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError("write at most 60 of: letters, digits, `_ . -`; a letter or a digit first")
    return name


def plain_path(path: str) -> str:
    """Check a folder that is written unquoted, by jobflow-remote or by the scheduler."""
    if not _PLAIN_PATH.fullmatch(path):
        raise ValueError(
            "write an absolute path of letters, digits and `_ . / @ + -`: jobflow-remote and the "
            "schedulers do not quote it (a link without spaces may lead there)"
        )
    return path


def quotable_path(path: str) -> str:
    """Check a path that is quoted wherever it is written."""
    if not path.startswith("/") or not path.isprintable():
        raise ValueError("write an absolute path without line breaks or control characters")
    return path


def command_line(command: str) -> str:
    """Check a command such as ``srun -n $SLURM_NTASKS vasp_std``: words, no shell syntax."""
    if not _COMMAND.fullmatch(command):
        raise ValueError(
            "write a program and its arguments, without quotes, `;`, `|`, `&`, `<`, `>`, "
            "brackets or backticks; put anything else into a script and give its path"
        )
    return command


def literal(value: str) -> str:
    """Check the value of a variable that is exported as it stands."""
    if not value.isprintable() or len(value) > _LONGEST_LINE:
        raise ValueError("no line breaks, no control characters, at most 2000 characters")
    if "$" in value or "`" in value:
        raise ValueError(
            "the value is exported as it stands; one with a variable goes into `lines`: "
            "export NAME=$OTHER/rest"
        )
    return value


ProjectName = Annotated[str, AfterValidator(project_name)]
PlainPath = Annotated[str, AfterValidator(plain_path)]
QuotablePath = Annotated[str, AfterValidator(quotable_path)]
CommandLine = Annotated[str, AfterValidator(command_line)]
Literal = Annotated[str, AfterValidator(literal)]


def setup_command(line: str) -> str:
    """Parse a line that prepares a job's environment, and return it quoted anew.

    Variables are expanded when the job runs (``export PATH=/opt/bin:$PATH``); nothing else of the
    shell's syntax is known, so a line can run no command but the one it names.

    Raises
    ------
    ValueError
        If it has none of the known forms.
    """
    if not line.isprintable() or len(line) > _LONGEST_LINE:
        raise ValueError("one line each, without control characters")
    verb, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    parser = _PARSERS.get(verb)
    if parser is None:
        raise ValueError(f"not one of the known forms: {KNOWN_FORMS}")
    return parser(rest)


SetupLine = Annotated[str, AfterValidator(setup_command)]
"""A line of a known form; kept as it goes into scripts."""


def export(name: str, value: str) -> str:
    """Return the line that exports a value as it stands."""
    return f"export {name}={shlex.quote(value)}"


def plain_job_name(name: str) -> str:
    """Return a job's name that is inert in scripts and that all schedulers take.

    jobflow-remote writes it unquoted into the header and, for batch workers, behind an ``echo``.
    PBS and SGE want a letter first.
    """
    plain = re.sub(r"[^A-Za-z0-9_.+=-]", "_", name)
    return plain if plain[:1].isalpha() else f"job_{plain}"


def _module(rest: str) -> str:
    words = rest.split()
    if not words or words[0] not in _MODULE_VERBS:
        raise ValueError(f"after `module` comes one of {', '.join(_MODULE_VERBS)}")
    verb, names = words[0], words[1:]
    if (verb == "purge") is bool(names) or (verb == "swap" and len(names) > 2):
        raise ValueError(f"`module {verb}` has the wrong number of names")
    pattern = _PLAIN_PATH if verb == "use" else _NAME
    for name in names:
        if not pattern.fullmatch(name):
            raise ValueError(
                "modules are named by letters, digits and `_ . + : / -`, folders by full paths"
            )
    return " ".join(["module", *words])


def _source(rest: str) -> str:
    word = _word(rest)
    if not rest.lstrip("'\"").startswith(("/", "$")):
        raise ValueError("give the full path of what to source, or one that starts with $HOME")
    return f"source {word}"


def _conda(rest: str) -> str:
    verb, _, name = rest.partition(" ")
    name = name.strip()
    if verb != "activate" or not _ENVIRONMENT.fullmatch(name):
        raise ValueError("write `conda activate NAME`, or the environment's full path")
    return f"conda activate {name}"


def _export(rest: str) -> str:
    name, equals, value = rest.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("write `export NAME=VALUE`")
    return f"export {name}={_word(value) if value else ''}"


def _unset(rest: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", rest):
        raise ValueError("write `unset NAME`")
    return f"unset {rest}"


def _ulimit(rest: str) -> str:
    words = rest.split()
    if (
        len(words) != 2
        or not _LIMIT.fullmatch(words[0])
        or not re.fullmatch(r"unlimited|[0-9]{1,15}", words[1])
    ):
        raise ValueError("write `ulimit -s unlimited`, or another limit with its number")
    return " ".join(["ulimit", *words])


_PARSERS = {
    "module": _module,
    "source": _source,
    ".": _source,
    "conda": _conda,
    "export": _export,
    "unset": _unset,
    "ulimit": _ulimit,
}


def _word(text: str) -> str:
    """Parse one shell word of literals and variables, and quote it anew."""
    quoted: list[str] = []
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None:
            raise ValueError(
                f"`{text[position]}` may not stand here: quote values with spaces; no "
                "substitutions, no second command"
            )
        position = found.end()
        if found["variable"]:
            quoted.append(_braced(found["variable"]))
        elif found["double"] is not None:
            quoted.append(_double(found["double"]))
        else:
            quoted.append(shlex.quote(found["single"] or found["bare"] or ""))
    if not quoted:
        raise ValueError("there is a word missing")
    return "".join(quoted)


def _double(text: str) -> str:
    pieces: list[str] = []
    position = 0
    for found in _VARIABLE.finditer(text):
        pieces += [_literal_piece(text[position : found.start()]), _braced(found.group())]
        position = found.end()
    pieces.append(_literal_piece(text[position:]))
    return "".join(pieces) or "''"


def _literal_piece(text: str) -> str:
    if _NOT_LITERAL.search(text):
        raise ValueError("within double quotes: plain text and variables, no substitutions")
    return shlex.quote(text) if text else ""


def _braced(variable: str) -> str:
    return f'"${{{variable.strip("${}")}}}"'
