"""Work in a thread that may be left behind: the program ends without waiting for it."""

from asyncio import Future, get_running_loop
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


async def left_behind(work: Callable[[], Result]) -> Result:
    """Return or raise what ``work`` does in a thread of its own. Cancelling leaves the thread to itself.

    The threads that textual's workers run in are waited for before the program can end.
    """
    loop = get_running_loop()
    outcome: Future[Result] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        def now() -> None:
            if not outcome.done():
                settled()

        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(now)

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            raised = error
            settle(lambda: outcome.set_exception(raised))
        else:
            settle(lambda: outcome.set_result(result))

    Thread(target=run, daemon=True, name="left-behind").start()
    return await outcome
