import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.hpc.setup.shell_words import (
    command_line,
    export,
    literal,
    plain_job_name,
    plain_path,
    project_name,
    quotable_path,
    setup_command,
)

LITERAL = st.text(alphabet="aA0 =(){}[]<>|&;'\"\\#!*?~/.:-_é", max_size=20)
PIECES = st.one_of(
    LITERAL.map(lambda text: "'" + text.replace("'", "") + "'"),
    LITERAL.map(lambda text: '"' + text.replace('"', "") + '"'),
    st.sampled_from(["$a", "${a}", '"$a b"', "a/b:c", "x=y", "~", "$(id)", "`id`", ";", " ", "'"]),
    LITERAL,
)
WORDS = st.lists(PIECES, max_size=4).map("".join)


def bash(script, **variables):
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", script],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("module load vasp/6.4.3 gcc/13.2", "module load vasp/6.4.3 gcc/13.2"),
        ("  module   purge ", "module purge"),
        ("module use /opt/site/modules", "module use /opt/site/modules"),
        ("module swap a b/2", "module swap a b/2"),
        ("source /opt/intel/setvars.sh", "source /opt/intel/setvars.sh"),
        (". '/opt/my tools/env'", "source '/opt/my tools/env'"),
        ("source $HOME/env.sh", 'source "${HOME}"/env.sh'),
        ("conda activate cuprolith", "conda activate cuprolith"),
        ("export A=B", "export A=B"),
        ("export A=", "export A="),
        ("export A='x y'", "export A='x y'"),
        ("export PATH=/opt/bin:$PATH", 'export PATH=/opt/bin:"${PATH}"'),
        ('export A="${B} and $C"', 'export A="${B}"\' and \'"${C}"'),
        ("unset A", "unset A"),
        ("ulimit -s unlimited", "ulimit -s unlimited"),
    ],
)
def test_known_forms_are_quoted_anew(line, quoted):
    assert setup_command(line) == quoted
    assert setup_command(quoted) == quoted  # as it comes back from the settings' file


@pytest.mark.parametrize(
    "line",
    [
        "",
        "rm -rf /",
        "module load a; rm b",
        "module load $(id)",
        "module load -x",
        "module load",
        "module purge a",
        "module use relative/folder",
        "module list",
        "source relative.sh",
        "source /a /b",
        "source /a; id",
        "source <(id)",
        "source /a || id",
        "conda run id",
        "conda activate a b",
        "conda activate -n",
        "export A=B; id",
        "export A=B C=D",
        "export A=$(id)",
        'export A="$(id)"',
        'export A="`id`"',
        "export A=`id`",
        "export A=${B:-$(id)}",
        "export A=${B@P}",
        "export A=$'x'",
        "export A[0]=x",
        "export -n A",
        "export A=a\nid",
        "export A=a\u2028id",
        "export A='x\x00'",
        "export A=$((1+1))",
        'export A="a\\"',
        "export A='x",
        "unset A B",
        "ulimit -s unlimited; id",
        "eval id",
        "alias jf=id",
        "# comment",
        "export A=" + "x" * 3000,
    ],
)
def test_other_lines_are_refused(line):
    with pytest.raises(ValueError, match=r"\w"):
        setup_command(line)


@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_an_export_does_nothing_but_export(text):
    """What bash makes of the line: no output, no error, no other command."""
    try:
        command = setup_command(f"export A={text}")
    except ValueError:
        return
    shown, errors = bash(f"{command}\nprintf '[%s]' \"$A\"", a="; id $(id)")
    assert shown.startswith("[")
    assert shown.endswith("]")
    assert "uid=" not in shown
    assert errors == ""


@settings(max_examples=60, deadline=None)
@given(LITERAL)
def test_a_literal_arrives_as_it_was(text):
    assert bash(f"{export('A', literal(text))}\nprintf '%s' \"$A\"") == (text, "")


@pytest.mark.parametrize("path", ["/scratch/me/work", "/", "/a/b-c_d.e@f+g"])
def test_plain_paths_need_no_quotes(path):
    assert plain_path(path) == path == shlex.quote(path)


@pytest.mark.parametrize("path", ["", "a", "~/a", "$HOME/a", "/a b", "/a;b", "/a\n", "/a'b", "/ä"])
def test_other_paths_are_not_plain(path):
    with pytest.raises(ValueError, match="absolute path"):
        plain_path(path)


@pytest.mark.parametrize("path", ["a", "-a", "~/a", "/a\nb", "/a\x1b[2J", "/a\u2028b"])
def test_paths_that_no_quotes_help(path):
    with pytest.raises(ValueError, match="absolute path"):
        quotable_path(path)


@pytest.mark.parametrize("command", ["srun vasp_std", "mpirun -np $NSLOTS /opt/vasp", "a=b c"])
def test_commands_of_words(command):
    assert command_line(command) == command


@pytest.mark.parametrize(
    "command", ["", "-x", "a; b", "a | b", "a > b", "a `b`", "a $(b)", "a\nb", "a 'b'", "a & b"]
)
def test_commands_with_shell_syntax_are_refused(command):
    with pytest.raises(ValueError, match="program and its arguments"):
        command_line(command)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "a b", "a\n", "é", "x" * 61])
def test_names_that_are_no_project(name):
    with pytest.raises(ValueError, match="letter or a digit first"):
        project_name(name)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("relax slab-0123456789ab 2", "relax_slab-0123456789ab_2"),
        ("static Cu(111)", "static_Cu_111_"),
        ("$(id); `id`", "job___id____id_"),
        ("a\n#SBATCH --wrap=id", "a__SBATCH_--wrap=id"),
        ("-x", "job_-x"),
        ("1", "job_1"),
        ("", "job_"),
    ],
)
def test_names_of_jobs_are_made_plain(name, plain):
    assert plain_job_name(name) == plain == plain_job_name(plain)
    assert bash(f"echo {plain}") == (f"{plain}\n", "")
