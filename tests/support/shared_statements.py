"""SQL that is put together once for all databases of a test process.

Each test has a database of its own, and each new engine would put every statement together again,
which costs more than most tests themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine import Engine

from searchplane.store.sqlite import Sqlite


@contextmanager
def shared_statements() -> Iterator[None]:
    """Until the end of the block, engines of SQLite use the statements of the first one."""
    alone = Sqlite.open
    known: list[Engine] = []

    def together(self: Sqlite, url: str) -> Engine:
        engine = alone(self, url)
        if known:
            # A kept statement belongs to a dialect, so both are shared.
            engine.dialect = known[0].dialect
            engine._compiled_cache = known[0]._compiled_cache
        else:
            known.append(engine)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sqlite, "open", together)
        yield
