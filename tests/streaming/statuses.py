"""Statuses for tests."""

from vsr.streaming.latency import LatencyHistogram
from vsr.streaming.status import LiveStatus, OutputStatus


def running() -> LiveStatus:
    """Everything set, no two numbers alike."""
    histogram = LatencyHistogram()
    for index in range(90):
        histogram.add(0.0005 + 0.001 * index, index)
    histogram.add(40.0, 90)
    return LiveStatus(
        state="running",
        source="rtmp://127.0.0.1/in",
        source_size=(640, 360),
        output_size=(1280, 720),
        fps_in=29.97,
        fps_out=29.5,
        frames_in=1201,
        frames_out=1190,
        frames_dropped=11,
        frames_late=13,
        frames_repeated=3,
        frames_paused=12,
        latency=histogram.read(90),
        queue_frames=2,
        queue_capacity=8,
        ladder=("cnn-m-photo", "bicubic", "bilinear"),
        step=1,
        steps_down=5,
        steps_up=4,
        reconnects=6,
        jumps=7,
        outputs=(
            OutputStatus(name="out.mkv", state="writing", bytes_written=123456, packets_written=1180),
            OutputStatus(
                name='rtmp://far/"live"\\x\n',
                state="reconnecting",
                bytes_written=777,
                packets_written=70,
                packets_dropped=15,
                reconnects=9,
                errors=10,
                last_error="rtmp://far/live: the receiver is gone; trying again in 2 s",
            ),
        ),
        recording="take.mkv",
        uptime_seconds=41.5,
        rss_bytes=123_456_789,
    )
