"""Sound that is encoded anew: where its samples are afterwards, by clicks that are looked for."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from vsr.media.live_encoder import EncodedPacket
from vsr.media.sound_codec import SoundCodec
from vsr.media.sound_decoder import SoundDecoder
from vsr.media.sound_encoder import SoundEncoder
from vsr.media.source import Disposition, StreamInfo

MILLISECOND = Fraction(1, 1000)
NUMBER = 7


def stream_of(rate: int, layout: str = "mono") -> StreamInfo:
    """Return a stream of samples as they are."""
    container: Any = av.open(io.BytesIO(), "w", format="nut")
    handle: Any = container.add_stream("pcm_s16le", rate=rate)
    handle.layout = layout
    return StreamInfo(
        index=1,
        kind="audio",
        codec="pcm_s16le",
        time_base=Fraction(1, rate),
        metadata={},
        disposition=Disposition(0),
        handle=handle,
    )


def heard(
    rate: int,
    first: int,
    count: int,
    clicks: Sequence[float],
    *,
    at: Fraction,
    layout: str = "mono",
    time_base: Fraction = MILLISECOND,
) -> av.AudioFrame:
    """Return silence, `first` samples after the beginning, with clicks at those seconds, stamped `at`."""
    samples = np.zeros((av.AudioLayout(layout).nb_channels, count), np.float32)
    for click in clicks:
        place = round(click * rate) - first
        if 0 <= place < count:
            samples[:, place : place + 8] = 0.9
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    frame.sample_rate, frame.time_base = rate, time_base
    frame.pts = round(at / time_base)
    return frame


def clicks_in(encoder: SoundEncoder, packets: Sequence[EncodedPacket]) -> list[float]:
    """Return where clicks are heard, in seconds."""
    assert all(a.pts < b.pts for a, b in itertools.pairwise(packets))
    assert {packet.stream for packet in packets} <= {NUMBER}
    context = encoder.info.handle.codec_context
    codec = SoundCodec(encoder.info.codec, bytes(context.extradata), context.sample_rate, context.layout.name)
    decoder = SoundDecoder()
    found: list[float] = []
    for packet in packets:
        given = EncodedPacket(
            0, packet.pts, packet.dts, packet.duration, packet.time_base, True, packet.content, codec=codec
        )
        for frame in decoder.decode(given):
            loud = np.abs(frame.to_ndarray()).max(axis=0)
            if loud.max() > 0.3 and frame.pts is not None and frame.time_base is not None:
                moment = float(frame.pts * frame.time_base) + int(loud.argmax()) / frame.sample_rate
                if not found or moment - found[-1] > 0.1:
                    found.append(moment)
    assert decoder.errors == 0
    return found


@pytest.mark.parametrize("name", ["aac", "libopus"])
@pytest.mark.parametrize(("rate", "layout"), [(48000, "mono"), (44100, "stereo"), (22050, "mono")])
def test_a_sample_stays_where_it_was(name: str, rate: int, layout: str) -> None:
    encoder = SoundEncoder(name, stream_of(rate, layout))
    start, clicks = Fraction(7, 3), [0.02, 0.5, 1.4]
    packets: list[EncodedPacket] = []
    for first in range(0, 2 * rate, 1024):
        at = start + Fraction(first, rate)
        base = Fraction(1, rate)
        frame = heard(rate, first, 1024, clicks, at=at, layout=layout, time_base=base)
        packets += encoder.encode(frame, NUMBER)
    packets += encoder.flush(NUMBER)
    found = clicks_in(encoder, packets)
    assert found == pytest.approx([float(start) + click for click in clicks], abs=0.001)
    last = packets[-1]
    assert float((last.pts + last.duration) * last.time_base) >= float(start) + 2


def test_what_is_kept_of_rate_and_channels() -> None:
    def made(name: str, rate: int, layout: str) -> tuple[int, str, str]:
        encoder = SoundEncoder(name, stream_of(rate, layout))
        context = encoder.info.handle.codec_context
        return context.sample_rate, context.layout.name, encoder.label

    assert made("aac", 44100, "mono") == (44100, "mono", "aac 64 kb/s")
    assert made("aac", 48000, "5.1(side)") == (48000, "5.1", "aac 384 kb/s")
    assert made("aac", 37000, "quad") == (48000, "stereo", "aac 128 kb/s")
    assert made("libopus", 44100, "mono") == (48000, "stereo", "opus 128 kb/s")


@pytest.mark.slow
def test_an_hour_of_a_clock_that_is_wrong_does_not_part_sound_and_picture() -> None:
    """The samples are 100 ppm fewer than the times say, which are whole milliseconds: 360 ms in the end."""
    rate, clicks = 8000, [0.5, 900, 1800, 3599]
    encoder = SoundEncoder("aac", stream_of(rate))
    stretch = 1 + Fraction(100, 1_000_000)
    packets: list[EncodedPacket] = []
    for first in range(0, 3600 * rate, rate):
        packets += encoder.encode(
            heard(rate, first, rate, clicks, at=Fraction(first, rate) * stretch), NUMBER
        )
    packets += encoder.flush(NUMBER)
    found = clicks_in(encoder, packets)
    assert found == pytest.approx([click * float(stretch) for click in clicks], abs=0.006)


def test_times_that_shake_move_nothing() -> None:
    rate, clicks = 48000, [0.5, 2.0, 3.9]
    encoder = SoundEncoder("aac", stream_of(rate))
    random = np.random.default_rng(1)
    packets: list[EncodedPacket] = []
    for first in range(0, 4 * rate, 1024):
        at = Fraction(first, rate) + Fraction(int(random.integers(-8, 9)), 1000)
        packets += encoder.encode(heard(rate, first, 1024, clicks, at=at), NUMBER)
    packets += encoder.flush(NUMBER)
    assert clicks_in(encoder, packets) == pytest.approx(clicks, abs=0.01)
    steps = {b.pts - a.pts for a, b in itertools.pairwise(packets)}
    assert steps == {1024}


@pytest.mark.parametrize("gap", [Fraction(1, 20), Fraction(1, 2), Fraction(30), Fraction(-1, 10)])
def test_after_a_gap_or_an_overlap_sound_is_in_its_place(gap: Fraction) -> None:
    rate = 48000
    encoder = SoundEncoder("aac", stream_of(rate))
    packets: list[EncodedPacket] = []
    for first in range(0, 2 * rate, 1000):
        at = Fraction(first, rate) + (gap if first >= rate else 0)
        packets += encoder.encode(heard(rate, first, 1000, [0.5, 1.5], at=at), NUMBER)
    packets += encoder.flush(NUMBER)
    assert clicks_in(encoder, packets) == pytest.approx([0.5, 1.5 + float(gap)], abs=0.001)
    longest = max(b.pts - a.pts for a, b in itertools.pairwise(packets))
    if gap > 1:
        assert longest > 28 * rate
    else:
        assert longest == 1024


def test_another_rate_and_layout_go_on() -> None:
    encoder = SoundEncoder("aac", stream_of(48000, "stereo"))
    packets: list[EncodedPacket] = []
    begin = Fraction(0)
    for rate, layout in ((48000, "stereo"), (44100, "mono"), (22050, "5.1")):
        for first in range(0, rate, 500):
            at = begin + Fraction(first, rate)
            frame = heard(rate, first, min(500, rate - first), [0.5], at=at, layout=layout)
            packets += encoder.encode(frame, NUMBER)
        begin += 1
    packets += encoder.flush(NUMBER)
    assert clicks_in(encoder, packets) == pytest.approx([0.5, 1.5, 2.5], abs=0.002)


def test_damage_is_counted_and_the_rest_decoded() -> None:
    encoder = SoundEncoder("aac", stream_of(48000))
    packets = [
        *itertools.chain.from_iterable(
            encoder.encode(heard(48000, n * 1024, 1024, [], at=Fraction(n * 1024, 48000)), NUMBER)
            for n in range(20)
        )
    ]
    context = encoder.info.handle.codec_context
    codec = SoundCodec("aac", bytes(context.extradata), 48000, "mono")
    decoder, frames = SoundDecoder(), 0
    for number, packet in enumerate(packets):
        content = b"\xff" * 60 if number in (5, 6) else packet.content
        given = EncodedPacket(0, packet.pts, packet.dts, 1024, packet.time_base, True, content, codec=codec)
        frames += len(decoder.decode(given))
    assert decoder.errors == 2
    assert frames == len(packets) - 2


def test_a_codec_that_is_not_there_is_damage() -> None:
    codec = SoundCodec("no such thing", b"", 48000, "mono")
    decoder = SoundDecoder()
    assert decoder.decode(EncodedPacket(0, 0, 0, 1, MILLISECOND, True, b"x", codec=codec)) == []
    assert decoder.errors == 1
