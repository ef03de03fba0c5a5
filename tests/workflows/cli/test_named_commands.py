"""Each command that a message, a remedy or a page of the documentation names is one that exists.

Of the source all texts are read, with ``X`` for what they are filled with; so are the words that
`jf_command` is given.
"""

import ast
import re
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[3]
PACKAGES = ("workflows", "training", "analysis", "generators")
# A program, its words and options, up to what ends a command in a sentence or a shell.
COMMAND = re.compile(
    r"(?<![\w./-])(?P<program>cuprolith|jf) (?P<rest>(?:[^`\n;|&()>→…#,]|,(?! ))+)"
)
# The package's name in a sentence, and jobflow-remote's entry point for nodes.
NO_COMMAND = ("on ", "and ", "that ", "-fe ")
OPTION = re.compile(r"(?<![\w-])(?P<option>--?[a-zA-Z][\w-]*)")


def texts_of(tree):
    """Texts of a module, docstrings too; calls of `jf_command` as the command they make."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                part.value if isinstance(part, ast.Constant) else "X" for part in node.values
            )
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "jf_command":
            words = [
                part.value if isinstance(part, ast.Constant) else "X" for part in node.args[1:]
            ]
            yield " ".join(["jf", *words])


def named_commands():
    """Pairs of place and command."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for text in texts_of(ast.parse(path.read_text())):
                yield from ((path, match) for match in commands_in(text))
    for path in sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]):
        code = re.findall(
            r"```(?:bash|sh|console)?\n(.*?)```|`([^`]+)`", path.read_text(), re.DOTALL
        )
        for block, word in code:
            yield from ((path, match) for match in commands_in(block or word))


def commands_in(text):
    return (each for each in COMMAND.finditer(text) if not each["rest"].startswith(NO_COMMAND))


def problem(command, words):
    """Follow the words of a command; return what is wrong with it."""
    options = set()
    words = list(words)
    while True:
        options |= {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        if not hasattr(command, "commands"):
            break
        # An option of the group, and its value, may stand before the verb.
        while words and words[0].startswith("-"):
            takes_value = words[0] in options
            del words[: 1 + takes_value]
        if not words or not re.fullmatch(r"[a-z][a-z-]*", words[0]):
            return ""  # a verb that is filled in
        found = command.commands.get(words[0])
        if found is None:
            return f"no verb {words[0]}"
        command, words = found, words[1:]
    given = OPTION.findall(" ".join(words))
    missing = [name for name in given if name not in options | {"--help", "-h"}]
    return f"no option {', '.join(missing)} of {command.name}" if missing else ""


@pytest.fixture(scope="module")
def programs():
    """The two programs, as click knows them."""
    jf = pytest.importorskip("jobflow_remote.cli.jf")
    from workflows.cli.main import app

    return {"cuprolith": typer.main.get_command(app), "jf": typer.main.get_command(jf.app)}


def test_every_command_that_is_named_exists(programs):
    found = list(named_commands())
    wrong = {
        f"{path.relative_to(ROOT)}: {match[0].strip()}": said
        for path, match in found
        if (said := problem(programs[match["program"]], match["rest"].split()))
    }
    assert len(found) > 200
    assert not wrong, "\n".join(f"{place}: {said}" for place, said in wrong.items())


@pytest.mark.parametrize(
    ("program", "rest", "said"),
    [
        ("cuprolith", "hpc write --project X --dry-run", ""),
        ("cuprolith", "hpc init --python /x", "no option --python of init"),
        ("cuprolith", "hpc rebuild", "no verb rebuild"),
        ("jf", "-p X admin index rebuild", ""),
        ("jf", "-p X admin rebuild", "no verb rebuild"),
    ],
)
def test_what_does_not_exist_is_found(programs, program, rest, said):
    assert problem(programs[program], rest.split()) == said
