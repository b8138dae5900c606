"""What the filters of Anime4K 3.2 to 4.0 are known by: digests of their statements, no text of theirs."""

from __future__ import annotations

from dataclasses import dataclass

HASH_DIGITS = 4
"""Hexadecimal digits of a statement's SHA-256, to find the one that differs."""


@dataclass(frozen=True)
class Known:
    """A stage: its kind, the SHA-256 of all of its text, and the first digits of each statement's."""

    kind: str
    digest: str
    hashes: str

    @property
    def statements(self) -> list[str]:
        """The digits of each statement, headers included, in order."""
        return [self.hashes[i : i + HASH_DIGITS] for i in range(0, len(self.hashes), HASH_DIGITS)]


KNOWN = (
    Known(
        "resample",
        "5bcc399bfd62ba77ec5ea229a51ced207ad94dacc591841b25713f88508f2c87",
        "8c2b73eba8ea24385f1ea2028a6dcd38c4edd10b",
    ),
    Known(
        "clamp_highlights",
        "2d4390f81102dcc73dff0216ec9fe51ba391630b8979bcc60f4de1e46b22c542",
        "8c2b73eb868c7ac8a2028a6d0cf76fd1b2c65a996a57e37ed10bcd389461906075e6b010535af21cd10b7607d10b"
        "8c2b73eb66e7868c7ac8a2028a6d0cf76fd1b2c65a99cd389461906075e6b010aea2f21cd10b7607d10b91e973eb"
        "66e718eb5f1ea2028a6d0cf76fd16a57e37ed10bcd3812de84d996b2d10b",
    ),
)
"""All that is recognised."""
