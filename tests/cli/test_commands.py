"""The commands that only tell: doctor and models; and verify's shell side."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from vsr.cli import doctor
from vsr.cli.main import main
from vsr.errors import DeviceError
from vsr.models import AUTO, MODELS
from vsr.nets.presets import PRESETS
from vsr.nets.shipped import shipped


def test_doctor_says_what_would_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for word in ("vsr ", "python ", "cpu ", "kernels ", "gpu ", "--device auto is cpu", "pyav ", "encoders "):
        assert f"\n{word}" in f"\n{text}"
    (encoders,) = (line for line in text.splitlines() if line.startswith("encoders "))
    assert "libx264" in encoders
    assert "nvenc" not in encoders


def test_doctor_says_of_what_needs_a_gpu_whether_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for missing, words in (
        ("there is no driver", "on a GPU, and none can be used: "),
        (None, "on a GPU: "),
    ):
        facts = doctor.examine()
        facts["gpu"] |= {"missing": missing, "usable": missing is None}
        monkeypatch.setattr(doctor, "examine", lambda facts=facts: facts)
        assert main(["doctor"]) == 0
        assert f"{words}h264_nvenc, hevc_nvenc, av1_nvenc\n" in capsys.readouterr().out
        monkeypatch.undo()


def test_doctor_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["device"]["auto"] == "cpu"
    assert facts["kernels"]["isa"] in facts["kernels"]["available"]
    assert facts["cpu"]["usable_cores"] >= 1
    assert facts["media"]["encoders"]["ffv1"] is True
    assert list(facts["media"]["gpu_encoders"]) == ["h264_nvenc", "hevc_nvenc", "av1_nvenc"]
    assert not facts["media"]["encoders"].keys() & facts["media"]["gpu_encoders"].keys()


def test_doctor_examines_a_broken_installation_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise DeviceError("the native kernels do not load")

    monkeypatch.setattr("vsr.device.cpu.isa", broken)
    assert main(["doctor"]) == 0
    assert "kernels   NOT WORKING: the native kernels do not load" in capsys.readouterr().out


def test_models_list_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    shown, _, files = capsys.readouterr().out.partition("\n\n")
    assert [line.split()[0] for line in shown.splitlines()] == [AUTO, *MODELS, *shipped(), *PRESETS]
    assert all(suffix in files for suffix in (".glsl", ".onnx", ".pth", ".safetensors"))


@pytest.mark.parametrize("name", list(MODELS))
def test_models_show(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", name]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{name}: {MODELS[name].description}\n")
    for option in MODELS[name].options:
        assert f"--model-option {option.name}={option.default}" in text


@pytest.mark.parametrize("code", [0, 3])
def test_verify_returns_the_verdict(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = SimpleNamespace(exit_code=code, lines=lambda: ["a", "b"], to_json=lambda: {"exit_code": code})
    monkeypatch.setattr("vsr.media.verify.verify", lambda source, result: report)
    path = tmp_path / "r.json"
    assert main(["verify", "a.mkv", "b.mkv", "--report", str(path)]) == code
    assert capsys.readouterr().out == "a\nb\n"
    assert json.loads(path.read_text()) == {"exit_code": code}
