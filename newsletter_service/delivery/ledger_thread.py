"""One thread for all SQL of a sending process, and the way of its results back to the loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Task = tuple[Callable[..., Any], tuple[object, ...], "asyncio.Future[Any]"]


class LedgerThread:
    """Runs one act at a time, in the order they were handed in.

    A gate for a few messages costs so little that a ThreadPoolExecutor's two chained futures were
    a tenth of all that a message costs.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, act: Callable[..., T], *args: object) -> T:
        """Run `act(*args)` there; returns or raises what it does."""
        waiting: asyncio.Future[T] = self._loop.create_future()
        self._tasks.put((act, args, waiting))
        return await waiting

    def close(self) -> None:
        """Finish what was handed in, and end."""
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            act, args, waiting = task
            try:
                result = act(*args)
            except BaseException as error:  # whoever waits is told, whatever it is
                self._tell(_fail, waiting, error)
            else:
                self._tell(_succeed, waiting, result)

    def _tell(self, how: Callable[..., None], waiting: "asyncio.Future[Any]", what: object) -> None:
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(how, waiting, what)


def _succeed(waiting: "asyncio.Future[Any]", result: object) -> None:
    if not waiting.done():
        waiting.set_result(result)


def _fail(waiting: "asyncio.Future[Any]", error: BaseException) -> None:
    if not waiting.done():
        waiting.set_exception(error)
