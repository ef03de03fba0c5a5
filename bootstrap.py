#!/usr/bin/env python3
"""Run a command in Cuprolith's own environment, building it first where it is missing.

    python3 bootstrap.py cuprolith run inputs/quickstart.yaml
    python3 bootstrap.py python checks.py

Needs Python 3.11 or newer and nothing else. The environment is a virtual environment in `.venv`
(or where CUPROLITH_VENV says) with the exact versions of `requirements.lock`. torch comes first:
its CUDA build where an NVIDIA GPU is found, its much smaller CPU build elsewhere.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("CUPROLITH_VENV", ROOT / ".venv"))
LOCK = ROOT / "requirements.lock"
ROOMS = ("cuprolith", "generators", "workflows", "training", "analysis")
TORCH = "torch==2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def main(arguments: list[str]) -> int:
    """Build the environment if needed, then become the command."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this file meets any Python)
        return fail(f"Cuprolith needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if read_stamp() != wanted_stamp():
        try:
            build_environment()
        except subprocess.CalledProcessError as error:
            command = " ".join(map(str, error.cmd))
            return fail(
                f"`{command}` failed. Fix the problem reported above, then rerun the command"
            )
    environment = os.environ | {
        "VIRTUAL_ENV": str(VENV),
        "PATH": f"{scripts()}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    program = shutil.which(arguments[0], path=environment["PATH"])
    if program is None:
        return fail(f"no such command: {arguments[0]}")
    if os.name != "nt":
        os.execve(program, [program, *arguments[1:]], environment)  # a kill then hits the command
    return subprocess.run([program, *arguments[1:]], env=environment, check=False).returncode


def fail(message: str) -> int:
    """Print an error and return the exit code."""
    print(f"bootstrap: {message}", file=sys.stderr)
    return 1


def scripts() -> Path:
    """Folder of the environment's programs."""
    return VENV / ("Scripts" if os.name == "nt" else "bin")


def wanted_stamp() -> str:
    """Hash of all that decides the environment."""
    parts = [LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), TORCH.encode()]
    return hashlib.sha256(
        b"\0".join([*parts, sys.version.encode(), str(ROOT).encode()])
    ).hexdigest()


def read_stamp() -> str:
    """Stamp of the environment that is there, or nothing."""
    stamp = VENV / "cuprolith.stamp"
    return stamp.read_text() if stamp.is_file() else ""


def build_environment() -> None:
    """Create the virtual environment and install the locked versions."""
    print(f"bootstrap: building the environment in {VENV} (a few minutes, once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    # pip prefers 2.13.0+cpu over 2.13.0; pip skips an index that does not answer. What
    # the CPU build needs is in the lock; the CUDA build brings libraries of its own.
    cpu_only: list[str] = []
    if sys.platform == "linux" and not has_nvidia_gpu():
        cpu_only = ["--no-deps", "--extra-index-url", TORCH_CPU_INDEX]
        cpu_only += ["--retries", "1", "--timeout", "15"]
    pip("install", TORCH, *cpu_only)
    pip("install", "--requirement", LOCK)
    pip("install", "--no-deps", "--editable", ROOT)
    compile_bytecode()
    (VENV / "cuprolith.stamp").write_text(wanted_stamp())


def pip(*arguments: object) -> None:
    """Run the environment's pip."""
    # Compiling takes half of the time, on one core: `compile_bytecode` does it on all.
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-compile")
    python = scripts() / "python"
    subprocess.run([python, "-m", "pip", *map(str, arguments), *options], check=True)


def compile_bytecode() -> None:
    """Compile what pip has installed, and this project, on all cores.

    What cannot be compiled is left as it is.
    """
    folders = [VENV / ("Lib" if os.name == "nt" else "lib"), *(ROOT / room for room in ROOMS)]
    command = [scripts() / "python", "-m", "compileall", "-qq", "-j", "0", *folders]
    subprocess.run(command, check=False)


def has_nvidia_gpu() -> bool:
    """Whether the driver's own tool lists a GPU."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return False
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and "GPU" in listed.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
