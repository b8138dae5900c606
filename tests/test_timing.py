"""Moments: exact parsing, exact moving between time bases."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsr.errors import OptionError
from vsr.timing import format_seconds, parse_seconds, rescale

BASES = st.builds(Fraction, st.integers(1, 5000), st.integers(1, 1_000_000))
TICKS = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", Fraction(90)),
        ("1.5", Fraction(3, 2)),
        ("0.1", Fraction(1, 10)),
        ("01:30", Fraction(90)),
        ("1:02:03.25", Fraction(14893, 4)),
        (" 7s ", Fraction(7)),
        ("100:00:00", Fraction(360000)),
        ("0", Fraction(0)),
        ("90:00.001", Fraction(5400001, 1000)),
    ],
)
def test_parse_seconds_is_exact(text: str, seconds: Fraction) -> None:
    assert parse_seconds(text, "--start") == seconds


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "abc", "1.", ".5", "1,5", "1:", ":30", "1e3", "nan"])
def test_what_is_no_time_names_option_and_text(text: str) -> None:
    with pytest.raises(OptionError, match="--start") as caught:
        parse_seconds(text, "--start")
    assert repr(text) in str(caught.value)
    assert caught.value.exit_code == 2


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_clock_reads_as_its_sum(hours: int, minutes: int, seconds: int, ms: int) -> None:
    exact = hours * 3600 + minutes * 60 + seconds + Fraction(ms, 1000)
    assert parse_seconds(f"{hours}:{minutes:02}:{seconds:02}.{ms:03}", "--duration") == exact


@given(st.integers(0, 400_000_000))
def test_formatted_seconds_read_back(ms: int) -> None:
    assert parse_seconds(format_seconds(ms / 1000).replace(" ", ""), "--start") == Fraction(ms, 1000)


@given(TICKS, BASES, BASES)
def test_rescale_gives_the_nearest_tick(value: int, old: Fraction, new: Fraction) -> None:
    result = rescale(value, old, new)
    assert isinstance(result, int)
    assert abs(result * new - value * old) <= new / 2


@given(TICKS, BASES, BASES)
def test_rescale_is_symmetric(value: int, old: Fraction, new: Fraction) -> None:
    assert rescale(-value, old, new) == -rescale(value, old, new)


@given(TICKS, TICKS, BASES, BASES)
def test_rescale_keeps_order(first: int, second: int, old: Fraction, new: Fraction) -> None:
    low, high = sorted((first, second))
    assert rescale(low, old, new) <= rescale(high, old, new)


@given(TICKS, BASES, st.integers(1, 1000))
def test_a_finer_base_loses_nothing(value: int, old: Fraction, factor: int) -> None:
    fine = old / factor
    assert rescale(value, old, fine) == value * factor
    assert rescale(rescale(value, old, fine), fine, old) == value


@given(
    st.integers(0, 10**9), st.sampled_from([Fraction(1001, 24000), Fraction(1, 25), Fraction(1001, 60000)])
)
def test_frame_numbers_survive_a_trip_through_a_microsecond_base(number: int, frame: Fraction) -> None:
    micro = Fraction(1, 1_000_000)
    assert rescale(rescale(number, frame, micro), micro, frame) == number


@pytest.mark.parametrize(("value", "expected"), [(1, 1), (3, 2), (-1, -1), (-3, -2), (5, 3), (0, 0), (2, 1)])
def test_halves_go_away_from_zero(value: int, expected: int) -> None:
    assert rescale(value, Fraction(1, 2), Fraction(1)) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.25, "3.250 s"),
        (123.25, "2:03.250"),
        (3723.25, "1:02:03.250"),
        (59.9996, "1:00.000"),
        (0.0, "0.000 s"),
    ],
)
def test_format_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
