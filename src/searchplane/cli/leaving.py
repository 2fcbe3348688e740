"""The end of a service in the foreground, on time even when a thread of it is not done.

A removal of much data, or a call that hangs, cannot be cut off in a thread, and the interpreter
waits for such threads. Then the process ends without it: the kernel lets go of the folder's lock
with the process, not before, so nobody takes the folder over while the thread still works. Nodes
are sessions of their own and go on, and the next service goes on from the record.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NoReturn

WORKERS_SECONDS = 0.5
"""For the threads of the API, once no request is at work."""


def own_workers() -> ThreadPoolExecutor:
    """The threads of this event loop from now on; made here so that their end can be seen."""
    workers = ThreadPoolExecutor(thread_name_prefix="worker")
    asyncio.get_running_loop().set_default_executor(workers)
    return workers


def have_ended(workers: ThreadPoolExecutor) -> bool:
    """End them; False when one is still at work."""
    ending = threading.Thread(target=workers.shutdown, kwargs={"cancel_futures": True}, daemon=True)
    ending.start()
    ending.join(WORKERS_SECONDS)
    return not ending.is_alive()


def leave(code: int) -> NoReturn:
    """End the process now, with the folder's lock in hand; what was said is not lost."""
    logging.shutdown()
    for output in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it is gone
            output.flush()
    os._exit(code)
