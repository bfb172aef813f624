"""Tests of work in a thread that is not waited for."""

from asyncio import CancelledError, create_task, sleep
from threading import Event

import pytest

from socrates_tui.left_behind import left_behind


async def test_the_result_comes_back() -> None:
    assert await left_behind(lambda: 7) == 7


async def test_what_is_raised_is_raised() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await left_behind(fail)


async def test_who_no_longer_waits_is_not_kept_by_the_thread() -> None:
    begun, go_on, ended = Event(), Event(), Event()

    def work() -> None:
        begun.set()
        go_on.wait(5)
        ended.set()

    task = create_task(left_behind(work))
    while not begun.is_set():
        await sleep(0)
    task.cancel()
    with pytest.raises(CancelledError):
        await task
    assert not ended.is_set()
    go_on.set()
    assert ended.wait(5)
