"""A job that takes no video: what the command line shows and returns can be tested by itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from vsr.options import UpscaleOptions
from vsr.pipeline.progress import Progress
from vsr.pipeline.stages import StopToken


def progress(**changes: Any) -> Progress:
    """A run at 43 %."""
    values: dict[str, Any] = {
        "frames": 86,
        "frames_total": 200,
        "seconds_done": 4.3,
        "seconds_total": 10.0,
        "elapsed_seconds": 3.0,
        "fps": 28.66,
        "queue_fill": 0.8,
        "bytes_written": 12_400_000,
        "phase": "upscale",
    }
    return Progress(**(values | changes))


class FakePlan:
    def lines(self) -> list[str]:
        return ["the plan"]

    def to_json(self) -> dict[str, Any]:
        return {"model": "fake"}


@dataclass
class FakeReport:
    exit_code: int = 0

    def lines(self) -> list[str]:
        return ["the report"]

    def to_json(self) -> dict[str, Any]:
        return {"exit_code": self.exit_code}


@dataclass
class FakeJob:
    """Set the class's variables to say how runs go; look at `made` to see what was asked for."""

    source: str
    result: str
    options: UpscaleOptions
    on_message: Callable[[str], None] = print
    plan: FakePlan = field(default_factory=FakePlan)
    closed: bool = False

    made: ClassVar[list["FakeJob"]] = []
    refuses: ClassVar[BaseException | None] = None
    body: ClassVar[Callable[[StopToken], None]] = staticmethod(lambda stop: None)
    exit_code: ClassVar[int] = 0
    says: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.made.append(self)

    def run(self, *, on_progress: Callable[[Progress], None], stop: StopToken) -> FakeReport:
        on_progress(progress())
        for text in self.says:
            self.on_message(text)
        type(self).body(stop)
        on_progress(progress(phase="verify"))
        return FakeReport(type(self).exit_code)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
