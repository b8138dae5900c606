"""The picture made here: the same every time, moving, in range, and a clip that can be read."""

from pathlib import Path

import numpy as np

from vsr.bench.moving import moving_picture, synthetic_clip
from vsr.media.reader import Reader


def test_it_moves_and_is_the_same_every_time() -> None:
    frames, again = (list(moving_picture(161, 91, 6)) for _ in range(2))
    assert all(
        (a == b).all() for one, two in zip(frames, again, strict=True) for a, b in zip(one, two, strict=True)
    )
    assert [plane.shape for plane in frames[0]] == [(91, 161), (46, 81), (46, 81)]
    for plane, highest in zip(range(3), (235, 240, 240), strict=True):
        values = np.stack([frame[plane] for frame in frames])
        assert values.min() >= 16 and values.max() <= highest
        assert values.std() > 8
    before, after = (frames[number][0].astype(int) for number in (2, 3))
    still = np.abs(after - before).mean()
    panned = np.abs(after[:, :-2] - before[:, 2:]).mean()
    assert panned < 0.7 * still  # one layer moves against it, and there is grain


def test_the_clip_is_read_frame_by_frame(tmp_path: Path) -> None:
    clip = synthetic_clip(tmp_path, 96, 64, 10)
    with Reader(clip) as reader:
        assert (reader.video.width, reader.video.height) == (96, 64)
        assert sum(1 for _ in reader) == 10
    assert [path.name for path in tmp_path.iterdir()] == [clip.name]
