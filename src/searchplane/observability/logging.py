"""Logs go to standard error, one line each; libraries that chatter are kept to warnings."""

from __future__ import annotations

import logging

_QUIET = ("httpx", "httpcore", "uvicorn", "alembic", "asyncio")


def configure(level: str) -> None:
    """Set up the log of a service in the foreground."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
