"""scripts/vsr on machines that lack something: one sentence, exit 1, nothing on stdout."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = [
    "cat",
    "cksum",
    "cp",
    "dirname",
    "find",
    "flock",
    "mkdir",
    "readlink",
    "rm",
    "sed",
    "sh",
    "sort",
    "tail",
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as the setup looks at, below a path with a space."""
    root = tmp_path / "a checkout"
    root.mkdir()
    shutil.copytree(ROOT / "scripts", root / "scripts")
    for name in ("pyproject.toml", "CMakeLists.txt"):
        shutil.copy(ROOT / name, root)
    (root / "kernels").mkdir()
    return root


def start(checkout: Path, tmp_path: Path, programs: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run scripts/vsr where only TOOLS and `programs` (name to shell script) exist."""
    folder = tmp_path / "bin"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    run = subprocess.run(
        [checkout / "scripts" / "vsr", *arguments],
        env={"PATH": str(folder), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        cwd="/",
    )
    return run.returncode, run.stdout, run.stderr


def test_without_a_compiler(checkout: Path, tmp_path: Path) -> None:
    code, out, err = start(checkout, tmp_path, {})
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "vsr: a C++ compiler is needed to build the kernels; on Debian or Ubuntu: apt-get install g++"
    ]


@pytest.mark.parametrize("python", [{}, {"python3": "exit 1"}], ids=["none", "too-old"])
def test_without_python(python: dict[str, str], checkout: Path, tmp_path: Path) -> None:
    code, out, err = start(checkout, tmp_path, {"c++": "", **python})
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "Python 3.11 or newer is needed" in err


def test_with_half_a_python(checkout: Path, tmp_path: Path) -> None:
    code, out, err = start(checkout, tmp_path, {"c++": "", "python3": "echo venv"})
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "apt-get install python3-venv python3-dev" in err


def test_a_failed_step_shows_what_it_printed(checkout: Path, tmp_path: Path) -> None:
    python = 'case "$1" in -c) ;; *) echo "no room for a venv"; exit 1;; esac'
    code, out, err = start(checkout, tmp_path, {"c++": "", "python3": python})
    assert (code, out) == (1, "")
    assert "no room for a venv" in err
    assert not (checkout / ".venv" / "ready").exists()


def test_a_ready_environment_is_used_as_it_is(checkout: Path, tmp_path: Path) -> None:
    """A fake python makes a venv whose python counts how often it is called for an installation."""
    make = (
        'case "$1" in -c) exit 0;; esac\n'
        'bin="$3/bin"; mkdir -p "$bin"; echo "version = 3.11" >"$3/pyvenv.cfg"\n'
        'printf "#!/bin/sh\\necho installed >>\\"$(dirname "$3")/installs\\"\\n" >"$bin/python"\n'
        'printf "#!/bin/sh\\necho \\"ran \\$*\\"\\n" >"$bin/vsr"\n'
        'chmod 755 "$bin/python" "$bin/vsr"'
    )
    programs = {"c++": "", "python3": make, "chmod": f'exec {shutil.which("chmod")} "$@"'}
    assert start(checkout, tmp_path, programs, "a b")[:2] == (0, "ran a b\n")
    installs = (checkout / "installs").read_text().count("installed")
    assert start(checkout, tmp_path, {}, "again") == (0, "ran again\n", "")
    assert (checkout / "installs").read_text().count("installed") == installs
    (checkout / "kernels" / "new.cpp").write_text("// changes what is built")
    code, out, err = start(checkout, tmp_path, programs, "anew")
    assert (code, out) == (0, "ran anew\n")
    assert "setting up again" in err
