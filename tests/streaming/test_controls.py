"""What who watches asks for."""

import pytest

from vsr.errors import OptionError
from vsr.streaming.controls import Controls


def test_a_model_is_chosen_by_its_text() -> None:
    controls = Controls(["cnn-m-photo", "bicubic", "bilinear"])
    controls.choose("bilinear")
    assert controls.step == 2
    with pytest.raises(
        OptionError, match=r"model is 'lanczos3'; this run has cnn-m-photo, bicubic, bilinear"
    ):
        controls.choose("lanczos3")
    controls.choose("bicubic")
    assert controls.step == 1


def test_the_ladder_decides_unless_somebody_does() -> None:
    controls = Controls(["cnn-m-photo", "bilinear"])
    assert controls.step is None
    controls.choose("bilinear")
    controls.choose(None)
    assert [controls.step] == [None]


def test_recording_is_refused_where_the_run_cannot() -> None:
    controls = Controls(["bilinear"])
    controls.record(False)
    with pytest.raises(OptionError, match="start it with --record DIR"):
        controls.record(True)
    assert not controls.recording
    able = Controls(["bilinear"], can_record=True)
    able.record(True)
    assert able.recording


def test_a_pause() -> None:
    controls = Controls(["bilinear"])
    controls.pause(True)
    assert controls.paused
    controls.pause(False)
    assert not controls.paused
