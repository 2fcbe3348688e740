"""Doctor's look at the database: it answers, holds what it must, and is of this version."""

from __future__ import annotations

import os
from contextlib import closing

from searchplane.cli.checks import Finding, Verdict
from searchplane.errors import SearchplaneError
from searchplane.settings import Settings
from searchplane.store.database import open_database
from searchplane.store.description import Description, describe
from searchplane.store.migrate import NEWEST
from searchplane.store.sqlite import FILE

NAME = "database"
ASK = 'psql "$SEARCHPLANE_DATABASE_URL" -c '


def look(settings: Settings) -> Finding:
    """Open it and look; nothing is made and nothing is migrated."""
    file = settings.data / FILE
    is_shared = settings.database_url is not None
    if not is_shared and not os.access(file, os.F_OK):
        return Finding(NAME, Verdict.OK, f"the first start makes {file}")
    try:
        with closing(open_database(settings)) as database:
            found = describe(database)
    except SearchplaneError as error:
        mend = f"{ASK}'SELECT 1'" if is_shared else f"ls -l {file}"
        return Finding(NAME, Verdict.PROBLEM, str(error), mend)
    return judged(found)


def judged(found: Description) -> Finding:
    """Pure: the worst that there is to say."""
    if found.encoding.upper() not in ("UTF8", "UTF-8"):
        sentence = f"{found.server} stores text as {found.encoding}; UTF8 is right"
        mend = "createdb --template template0 --encoding UTF8 NAME"
        return Finding(NAME, Verdict.PROBLEM, sentence, mend)
    if not found.is_writable:
        sentence = f"{found.server} is a standby and cannot be written; its primary is right"
        return Finding(NAME, Verdict.PROBLEM, sentence, f"{ASK}'SELECT pg_is_in_recovery()'")
    if not found.is_current:
        sentence = (
            f"{found.server} holds schema {found.schema}; this version works with {NEWEST}, and "
            "its start brings an older one up to date"
        )
        return Finding(NAME, Verdict.WARNING, sentence)
    if not found.is_safe:
        sentence = f"{found.server} does not wait for its disk: a crash may lose what was accepted"
        mend = f"{ASK}'ALTER SYSTEM RESET fsync'"
        return Finding(NAME, Verdict.WARNING, sentence, mend)
    schema = f"schema {found.schema}" if found.schema else "no schema yet; the first start makes it"
    return Finding(NAME, Verdict.OK, f"{found.server} answers, {schema}")
