"""Results that are kept, and the README's figures that are made of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import readme
from tests.bench.samples import FAST, MACHINE, result, results
from tests.bench.schema import BENCH, read_valid
from vsr.bench.kept import kept_path, machine_name
from vsr.bench.results import Results, read
from vsr.cli.main import main
from vsr.cli.output import ReportFile

QUICK = ["--size", "64x48", "--rounds", "1", "--turn", "0.02", "--noise-limit", "100"]
KEPT = sorted((BENCH / "results").rglob("*.json"))


@pytest.mark.parametrize(
    ("cpu", "gpu", "name"),
    [
        ("AMD EPYC", None, "amd-epyc-2-cores-avx2"),
        (
            "Intel(R) Xeon(R) Gold 6430 CPU @ 2.10GHz",
            "NVIDIA H200",
            "intel-xeon-gold-6430-cpu-2-cores-avx2-nvidia-h200",
        ),
        ("12th Gen Intel(R) Core(TM) i7-1260P", None, "12th-gen-intel-core-i7-1260p-2-cores-avx2"),
        ("../../etc", None, "..-..-etc-2-cores-avx2"),
    ],
)
def test_a_machine_is_a_folder(cpu: str, gpu: str | None, name: str) -> None:
    assert machine_name(replace(MACHINE, cpu=cpu, gpu=gpu)) == name


def test_what_is_not_worth_keeping(tmp_path: Path) -> None:
    good, bad = result("a", [1.0]), result("b", [], refused="no")
    assert kept_path(str(tmp_path), results(good, interrupted=True)) is None
    assert kept_path(str(tmp_path), results(bad)) is None
    assert list(tmp_path.iterdir()) == []
    kept = kept_path(str(tmp_path), results(good, bad))
    assert kept == tmp_path / "1" / "a-processor-2-cores-avx2" / "models.json" and kept.parent.is_dir()


def test_keep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "models", "area", *QUICK, "--keep", str(tmp_path)]) == 0
    [path] = tmp_path.rglob("*.json")
    assert f"kept as {path}" in capsys.readouterr().out
    assert len(path.relative_to(tmp_path).parts) == 3 and path.name == "models.json"
    assert read_valid(path)["cases"][0]["name"] == "area 64x48"
    assert main(["bench", "models", "area", *QUICK, "--keep", str(tmp_path / "x")]) == 2
    assert "there is no such folder; make it first" in capsys.readouterr().err


def test_a_soak_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "pipeline", "--soak", "1", "--keep", str(tmp_path)]) == 2
    assert "--json writes its results" in capsys.readouterr().err


@pytest.mark.parametrize("path", KEPT, ids=lambda path: str(path.relative_to(BENCH)))
def test_kept_results(path: Path) -> None:
    read_valid(path)
    found = read(str(path))
    where = (str(found.vsr["version"]), machine_name(found.machine), f"{found.suite}.json")
    assert path.relative_to(BENCH / "results").parts == where


def test_the_readme_has_the_figures_of_kept_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert readme.main(["--check"]) == 0, capsys.readouterr().err
    text = (BENCH.parent / "README.md").read_text(encoding="utf-8")
    assert readme.MARKED.search(text), "no figures are marked"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    one = results(
        result("a 480p", [0.5], figures={"fps": 2.0, "p95_ms": 7.0}, noise=(0.04, 0.021)),
        result("b 480p", [], refused="no"),
        result("a 1080p", [1.0], figures={"fps": 1.0}, noise=(0.3,)),
    )
    put(tmp_path, one)
    return tmp_path


def put(root: Path, one: Results) -> None:
    (root / "bench" / "results").mkdir(parents=True, exist_ok=True)
    ReportFile(str(root / "bench" / "results" / "x.json")).write(one.to_json())


def test_figures_from_a_busy_machine_are_provisional() -> None:
    one = result("a", [1.0], figures={"fps": 1.0})
    assert "Provisional, noise was let in: a processor" in readme.figures(results(one), [])
    quiet = replace(FAST, noise_limit=0.1)
    assert "Provisional" not in readme.figures(results(one, method=quiet), [])


def test_figures(root: Path) -> None:
    text = "before\n<!-- figures: x.json 480p -->\nold | 9 |\n<!-- end of figures -->\nafter\n"
    (root / "README.md").write_text(text)
    assert readme.main(["--check"], root=root) == 1
    assert (root / "README.md").read_text() == text
    assert readme.main([], root=root) == 0 and readme.main(["--check"], root=root) == 0
    assert (root / "README.md").read_text() == (
        "before\n<!-- figures: x.json 480p -->\n"
        "|  | engine | precision | fps | spread % | of peak % | MB |\n"
        "| --- | --: | --: | --: | --: | --: | --: |\n"
        "| a 480p | - | - | 2.0 | - | - | - |\n\n"
        "(Provisional, noise was let in: a processor, 2 cores, avx2: "
        "`vsr bench models` of 2026-01-02, commit abc; medians of 3 rounds of "
        "0.02 s; others took at most 4 % of the processor. 1 more were refused.)\n"
        "<!-- end of figures -->\nafter\n"
    )


def test_quality(root: Path) -> None:
    means = {"psnr_y": 33.657, "perceptual": 0.04081}
    model = {"parameters": 1048, "macs_per_input_pixel": 1028.2, "fps": 325.06, "fps_input": "854x480"}
    evaluation = {
        "vsr": "1",
        "data": "5 pictures",
        "machine": {"cpu": "a processor", "cores": 2, "isa": "avx2"},
        "metrics": dict.fromkeys(means, "what it means"),
        "models": [{"model": "a", "mean": means, **model}],
    }
    (root / "bench" / "quality").mkdir()
    (root / "bench" / "quality" / "x.json").write_text(json.dumps(evaluation))
    (root / "README.md").write_text("<!-- quality: x.json -->\n<!-- end of figures -->\n")
    assert readme.main([], root=root) == 0 and readme.main(["--check"], root=root) == 0
    assert (root / "README.md").read_text() == (
        "<!-- quality: x.json -->\n"
        "|  | PSNR Y | perceptual | parameters | MAC/px | fps of 854x480 |\n"
        "| --- | --: | --: | --: | --: | --: |\n"
        "| a | 33.66 | 0.0408 | 1,048 | 1,028 | 325 |\n\n"
        "(5 pictures; a processor, 2 cores, avx2: `vsr eval` 1)\n"
        "<!-- end of figures -->\n"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<!-- quality: y.json -->\n<!-- end of figures -->", "y.json: No such file or directory"),
        ("<!-- figures: x.json -->\n", "a marker of figures is not whole"),
        ("<!-- figures: x.json b -->\n<!-- end of figures -->", "no case can be trusted that is called 'b'"),
        ("<!-- figures: y.json -->\n<!-- end of figures -->", "y.json: No such file or directory"),
    ],
)
def test_markers_that_say_nothing(
    text: str, sentence: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "README.md").write_text(text)
    assert readme.main([], root=root) != 0
    assert sentence in capsys.readouterr().err and (root / "README.md").read_text() == text
