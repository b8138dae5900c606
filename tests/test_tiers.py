"""The architecture, held: imports point down, and FFmpeg has one door."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TIERS: list[set[str]] = [
    {"errors", "options", "registry", "_resources", "_version"},
    {"color", "frame", "timing"},
    {"device", "_cpu"},
    {"ops"},
    {"nets"},
    {"engine"},
    {"upscaler", "models", "chain"},
    {"media"},
    {"pipeline"},
    {"page", "quality", "data", "train", "bench", "streaming", "cluster"},
    {"cli", "__init__"},
]
HEAVY = ["av", "numpy", "onnx", "openvino", "rich", "safetensors", "torch", "cupy", "tensorrt"]
MODULES = sorted((ROOT / "vsr").rglob("*.py"))


def tier_of(name: str) -> int:
    found = [index for index, names in enumerate(TIERS) if name in names]
    assert found, f"vsr/{name} has no tier; add it to CONTRIBUTING.md and to TIERS"
    return found[0]


def home_of(path: Path) -> str:
    return path.relative_to(ROOT / "vsr").parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) for each import, those in functions and for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = home_of(path)
    for line, name in imports_of(path):
        first, _, rest = name.partition(".")
        if first == "vsr" and rest:
            other = rest.split(".")[0]
            assert tier_of(other) <= tier_of(own), f"{path}:{line}: {own} must not import vsr.{other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_media_imports_av(path: Path) -> None:
    lines = [line for line, name in imports_of(path) if name.split(".")[0] == "av"]
    assert not lines or home_of(path) == "media"


def test_the_tiers_are_real() -> None:
    """A name in the table that nothing bears would make the other tests pass for the wrong reason."""
    homes = {home_of(path) for path in MODULES}
    assert {"errors", "frame", "device", "ops", "upscaler", "media", "pipeline", "cli"} <= homes


def test_the_command_line_loads_nothing_heavy() -> None:
    code = f"import sys, vsr.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
