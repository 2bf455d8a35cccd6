"""Counting for limits on the queue's server, which all processes share; how is left to `limits`.

Who counts here falls back to this process's memory, so that a lost Redis never opens the gate.
"""

from collections.abc import Callable
from typing import Any

import redis
from limits.storage import RedisStorage

from newsletter_service import queue

URI = "queue://"


class _QueueClient(redis.Redis):
    """Sends each command over the queue's connection, which follows the embedded Valkey."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        send: Callable[..., Any] = queue.connection(queue.VISITORS_PATIENCE_S).execute_command
        return send(*args, **options)


class QueueStorage(RedisStorage):
    """`limits`' storage of the scheme `queue`, in the current app's context."""

    STORAGE_SCHEME = ["queue"]

    def __init__(self, uri: str = URI, **options: Any) -> None:
        super().__init__("redis://", **options)
        self.storage = _QueueClient()
        self.initialize_storage(uri)
