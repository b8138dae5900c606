"""What tests of verification share."""

from __future__ import annotations

from dataclasses import replace

from tests.make_media import (
    HDR10,
    Picture,
)
from vsr.media.verify import VerifyReport

PLAIN = Picture(frames=4, color=(1, 1, 1, 1))
TEN_BIT = replace(PLAIN, codec="libx265", pix_fmt="yuv420p10le", color=(9, 16, 9, 1))
HDR = replace(TEN_BIT, options={"x265-params": f"log-level=none:{HDR10}"})
HDR_LIGHT_ONLY = replace(TEN_BIT, options={"x265-params": "log-level=none:max-cll=1000,400:repeat-headers=1"})


def lost(report: VerifyReport) -> list[str]:
    return [f.subject for f in report.lost]
