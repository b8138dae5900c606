"""Sentences from any thread, told on one."""

from threading import Thread, get_ident

from vsr.pipeline.messages import Messages


def test_they_are_told_on_one_thread_in_order() -> None:
    told: list[tuple[str, int]] = []
    messages = Messages(lambda text: told.append((text, get_ident())))
    messages.say("first")
    assert [text for text, _ in told] == ["first"], "at once, where its own thread says it"
    other = Thread(target=messages.say, args=("second",))
    other.start()
    other.join()
    assert len(told) == 1
    messages.say("third")
    messages.pass_on()
    assert told == [(text, get_ident()) for text in ("first", "second", "third")]
    assert messages.told == ["first", "second", "third"]
