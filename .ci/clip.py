"""Write a clip of two seconds, 64x48, with a moving picture and a tone: clip.py OUT.mkv"""

import sys
from fractions import Fraction

import av
import numpy as np

WIDTH, HEIGHT, RATE, SAMPLE_RATE = 64, 48, 24, 48000


def main(path: str) -> None:
    """Make the clip with encoders that every build of FFmpeg has."""
    with av.open(path, "w") as container:
        video = container.add_stream("mpeg4", rate=RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for index in range(2 * RATE):
            ramp = (np.arange(WIDTH) * 3 + index * 5).astype(np.uint8)
            picture = np.repeat(np.broadcast_to(ramp, (HEIGHT, WIDTH))[..., None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        seconds = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
        tone = (np.sin(seconds * 2 * np.pi * 440) * 8000).astype(np.int16)
        for begin in range(0, tone.size, 4096):
            sound = av.AudioFrame.from_ndarray(tone[None, begin : begin + 4096], format="s16", layout="mono")
            sound.pts, sound.sample_rate, sound.time_base = begin, SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


if __name__ == "__main__":
    main(sys.argv[1])
