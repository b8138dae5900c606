"""What a run's ending means to the shell, with a job that takes no video."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fakes import FakeJob
from vsr.cli.main import main
from vsr.cli.output import ReportFile
from vsr.errors import DecodeError, DeviceError, EncodeError, OptionError
from vsr.options import UpscaleOptions
from vsr.pipeline.stages import StopToken


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeJob]]:
    monkeypatch.setattr("vsr.pipeline.job.Job", FakeJob)
    monkeypatch.setattr(FakeJob, "made", [])
    monkeypatch.delenv("VSR_DEBUG", raising=False)
    yield FakeJob


def test_options_arrive_as_typed(job: type[FakeJob]) -> None:
    arguments = "upscale in.mkv out.mkv -m bicubic --scale 1.5 -E tune=animation -E bf=3 --threads 2 --yes"
    assert main([*arguments.split(), "--deinterlace", "off", "--progress", "none"]) == 0
    (made,) = job.made
    assert (made.source, made.result) == ("in.mkv", "out.mkv")
    assert made.options == UpscaleOptions(
        model="bicubic",
        scale=1.5,
        encoder_options=("tune=animation", "bf=3"),
        threads=2,
        overwrite=True,
        deinterlace="off",
    )
    assert made.closed


def test_without_options_the_defaults_hold(job: type[FakeJob]) -> None:
    assert main(["upscale", "in.mkv", "out.mkv"]) == 0
    assert job.made[0].options == UpscaleOptions()


@pytest.mark.parametrize("code", [0, 3, 130])
def test_the_report_decides(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeJob, "exit_code", code)
    assert main(["upscale", "in.mkv", "out.mkv"]) == code


def test_what_is_said_on_the_way_goes_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeJob, "says", ("then another engine",))
    main(["upscale", "in.mkv", "out.mkv", "--progress", "none"])
    out, err = capsys.readouterr()
    assert (out, err) == ("the report\n", "vsr: then another engine\n")


def test_plan_and_report_go_to_stdout_and_progress_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    main(["upscale", "in.mkv", "out.mkv", "--progress", "lines"])
    out, err = capsys.readouterr()
    assert out == "the plan\nthe report\n"
    assert err == "verifying the result\n"


@pytest.mark.parametrize("mode", ["auto", "bar", "lines", "json", "none"])
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry-run"])
def test_a_pipe_gets_only_video(mode: str, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upscale", "in.mkv", "-", "--progress", mode, *more]) == 0
    assert capsys.readouterr().out == ""


def test_json_progress_is_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    main(["upscale", "in.mkv", "out.mkv", "--progress", "json"])
    out, err = capsys.readouterr()
    assert out == ""
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events == ["plan", "progress", "progress", "report"]


def test_dry_run_prints_the_plan_and_runs_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeJob, "run", None)
    assert main(["upscale", "in.mkv", "out.mkv", "--dry-run"]) == 0
    assert capsys.readouterr().out == "the plan\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OptionError("--scale -1: give a factor above 0"), 2),
        (DecodeError("in.mkv: no such file"), 1),
        (EncodeError("out.mkv: the disk is full"), 1),
        (DeviceError("no kernels"), 1),
        (MemoryError(), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_a_sentence(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeJob, "refuses", error)
    assert main(["upscale", "in.mkv", "out.mkv"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vsr: ")
    assert str(error) in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_notes_of_an_error_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = EncodeError("out.mkv: the disk is full")
    error.add_note("out.mkv is unfinished: it plays up to about 12.000 s")
    monkeypatch.setattr(FakeJob, "refuses", error)
    main(["upscale", "in.mkv", "out.mkv"])
    assert (
        capsys.readouterr().err.splitlines()[1] == "vsr: out.mkv is unfinished: it plays up to about 12.000 s"
    )


def test_a_defect_asks_to_be_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeJob, "refuses", ZeroDivisionError("division by zero"))
    assert main(["upscale", "in.mkv", "out.mkv"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "please report" in err
    assert "VSR_DEBUG=1" in err
    monkeypatch.setenv("VSR_DEBUG", "1")
    assert main(["upscale", "in.mkv", "out.mkv"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["upscale", "in.mkv"], "'OUTPUT'"),
        (["upscale", "in.mkv", "out.mkv", "--scal", "2"], "--scal"),
        (
            ["upscale", "in.mkv", "out.mkv", "--threads", "many"],
            "'--threads': Input should be a valid integer, not 'many'",
        ),
        (
            ["upscale", "in.mkv", "out.mkv", "--scale", "abc"],
            "'--scale': Input should be a valid number, not 'abc';",
        ),
        (
            ["upscale", "in.mkv", "out.mkv", "--deinterlace", "maybe"],
            "'--deinterlace': 'maybe' is not one of 'auto', 'on', 'off';",
        ),
        (
            ["compare", "in.mkv", "out.mkv", "--frame", "2", "--frame", "x"],
            "'--frame': Input should be a valid integer, not 'x'",
        ),
        (["upscale", "in.mkv", "out.mkv", "--report", "no/such/folder/r.json"], "no/such/folder"),
        (["upscal"], "upscal"),
        (["models"], "Missing command"),
        (["models", "build", "cnn-m-photo", "--size", "0x0"], "--size 0x0: each side is 1 to 16384"),
        (
            ["models", "build", "cnn-m-photo", "--size", "64x99999"],
            "--size 64x99999: each side is 1 to 16384",
        ),
        (["models", "build", "no-such-model", "--size", "64x-1"], "'64x-1' is not a size"),
        (["models", "show", "lanczos"], "Did you mean 'lanczos3'?"),
    ],
)
def test_usage_errors(
    arguments: list[str], text: str, job: type[FakeJob], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vsr: ")
    assert text in err
    assert len(err.splitlines()) == 1
    assert not job.made


def test_the_report_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert main(["upscale", "in.mkv", "out.mkv", "--report", str(path)]) == 0
    assert json.loads(path.read_text()) == {"exit_code": 0}
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def same_file_names(folder: Path) -> list[str]:
    (folder / "in.mkv").write_bytes(b"video")
    (folder / "link.json").symlink_to("in.mkv")
    (folder / "hard.json").hardlink_to(folder / "in.mkv")
    return ["in.mkv", "./in.mkv", "link.json", "hard.json", "out.mkv", "../" + folder.name + "/out.mkv"]


@pytest.mark.parametrize("command", ["upscale", "verify"])
def test_the_report_replaces_neither_source_nor_result(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: type[FakeJob]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in same_file_names(tmp_path):
        assert main([command, "in.mkv", "file:out.mkv", "--report", name]) == 2
    assert (tmp_path / "in.mkv").read_bytes() == b"video"
    assert not job.made


def test_the_report_is_no_image_of_a_sequence(tmp_path: Path, job: type[FakeJob]) -> None:
    (tmp_path / "f1.png").write_bytes(b"image")
    arguments = ["upscale", str(tmp_path / "f%d.png"), str(tmp_path / "g%d.png"), "--report"]
    assert main([*arguments, str(tmp_path / "f1.png")]) == 2
    assert main([*arguments, str(tmp_path / "g1.png")]) == 2
    assert not job.made


def test_a_report_into_a_pipe_or_device_is_written_into_it(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert main(["upscale", "in.mkv", "out.mkv", "--report", str(path)]) == 0
    assert json.loads(os.read(reader, 1 << 16)) == {"exit_code": 0}
    os.close(reader)
    assert path.is_fifo()
    assert main(["upscale", "in.mkv", "out.mkv", "--report", os.devnull]) == 0
    assert Path(os.devnull).is_char_device()


def test_a_report_behind_a_link_is_written_there(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("r.json")
    assert main(["upscale", "in.mkv", "out.mkv", "--report", str(tmp_path / "link.json")]) == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "r.json").read_text()) == {"exit_code": 0}


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (OptionError("no such size"), 2, "no such size"),
        (EncodeError("out.mkv: the disk is full"), 1, "out.mkv: the disk is full"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("x"), 1, "ZeroDivisionError: x"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("late", [False, True])
def test_a_failure_leaves_no_old_report(
    error: BaseException, code: int, text: str, late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(stop: StopToken) -> None:
        raise error

    monkeypatch.setattr(FakeJob, "body" if late else "refuses", fail if late else error)
    path = tmp_path / "r.json"
    path.write_text('{"exit_code": 0}')
    assert main(["upscale", "in.mkv", "out.mkv", "--report", str(path)]) == code
    assert json.loads(path.read_text()) == {"exit_code": code, "error": text, "notes": []}


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "vsr: interrupted\n"),
        (EOFError("end"), 1, "vsr: unexpected EOFError: end\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_ctrl_c_and_the_end_of_a_file_are_said(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(FakeJob, "refuses", error)
    assert main(["upscale", "in.mkv", "out.mkv"]) == code
    assert capsys.readouterr().err.startswith(said)


def test_file_names_arrive_as_paths(job: type[FakeJob]) -> None:
    assert main(["upscale", "file:in.mkv", "file:///videos/out.mkv"]) == 0
    assert (job.made[0].source, job.made[0].result) == ("in.mkv", "/videos/out.mkv")


@pytest.fixture
def heard() -> Iterator[None]:
    """Let signals be heard that a test run in the background was told to ignore."""
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heard")
def test_the_first_signal_asks_and_the_second_insists(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[bool, bool]] = []

    def body(stop: StopToken) -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            os.kill(os.getpid(), number)
            seen.append((stop.requested, stop.aborted))

    monkeypatch.setattr(FakeJob, "body", body)
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = [signal.getsignal(number) for number in numbers]
    assert main(["upscale", "in.mkv", "out.mkv", "--progress", "none"]) == 130
    assert seen == [(True, False), (True, True)]
    assert [signal.getsignal(number) for number in numbers] == before
    assert capsys.readouterr().err.splitlines() == [
        "vsr: stopping: finishing the file; again to stop at once",
        "vsr: stopping at once",
    ]


def test_a_reader_that_went_away_is_no_news() -> None:
    """A closed pipe at stdout: exit 1 and no word."""
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "vsr.cli", "models", "list"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert run.returncode == 1
    assert run.stderr == ""


REAL = f"{sys.executable} -m vsr.cli upscale"
FAKED = (
    f"{sys.executable} -c 'import sys, vsr.pipeline.job; from tests.cli.fakes import FakeJob; "
    "from vsr.cli.main import main; vsr.pipeline.job.Job = FakeJob; sys.exit(main())' upscale in.mkv"
)


def shell(line: str) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-c", f"set -o pipefail; {line}"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("progress", ["none", "lines", "json", "bar"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-", "| true", "2>&1 | true"])
def test_nobody_needs_to_listen(progress: str, closed: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    done = shell(f"{FAKED} out.mkv --progress {progress} --report {path} {closed}")
    assert done.returncode == 0
    assert "Error" not in done.stderr
    assert json.loads(path.read_text()) == {"exit_code": 0}


def test_closed_streams_are_said(tmp_path: Path) -> None:
    done = shell(f"{REAL} - {tmp_path}/out.mkv <&-")
    assert (done.returncode, done.stderr) == (
        1,
        "vsr: standard input: it is closed; name a file, or pipe a video in\n",
    )


@pytest.mark.parametrize(
    ("number", "name", "sentence"),
    [
        (errno.ENOSPC, "tiles/0.png", "tiles/0.png: the disk is full; free some space or write elsewhere"),
        (errno.ENOSPC, None, "the disk is full; free some space or write elsewhere"),
        (errno.EACCES, "art", "art: permission denied; check the rights of the file and its folder"),
        (errno.EISDIR, "art", "art: Is a directory"),
    ],
)
def test_what_the_system_refuses_is_said_of_which_file(
    number: int,
    name: str | None,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(FakeJob, "refuses", OSError(number, os.strerror(number), name))
    assert main(["upscale", "in.mkv", "out.mkv"]) == 1
    assert capsys.readouterr().err == f"vsr: {sentence}\n"


def test_a_full_disk_is_said_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*names: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left.*report\.json"):
        ReportFile(str(tmp_path / "report.json")).write({})
    assert not list(tmp_path.iterdir())
