"""`searchplane keys list` and `rotate`: the folder of the keys that tokens are made with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from searchplane.cli.local import local_database, operators_line
from searchplane.cli.tables import print_json, print_table
from searchplane.iam import keys
from searchplane.iam.keys import KeyFile
from searchplane.settings import Settings
from searchplane.store import audit

HEAD = ("number", "use", "since", "kept until")
ROTATE = "keysRotate"
"""The operation of the line in the audit trail."""


def show(settings: Settings, *, as_json: bool) -> None:
    """Print one line for each key, the one that makes tokens first."""
    with local_database(settings):  # the folder is a service's
        found = keys.list_keys(settings.key_folder, _lifetime(settings))
    if as_json:
        print_json([_object(key) for key in found])
    else:
        print_table(HEAD, [_row(key) for key in found])


def rotate(settings: Settings, *, as_json: bool) -> None:
    """Put the staged key to use, tell the audit trail, and show what there is now."""
    with local_database(settings) as database:
        number = keys.rotate(settings.key_folder, _lifetime(settings), datetime.now(UTC))
        with database.write() as connection:
            audit.append(connection, [operators_line(ROTATE, str(number))])
    show(settings, as_json=as_json)


def _lifetime(settings: Settings) -> timedelta:
    return timedelta(hours=settings.token_hours)


def _object(key: KeyFile) -> dict[str, object]:
    until = key.needed_until
    return {
        "number": key.number,
        "use": key.use.value,
        "since": key.since.isoformat(),
        "kept_until": until.isoformat() if until is not None else None,
    }


def _row(key: KeyFile) -> tuple[str, str, str, str]:
    until = f"{key.needed_until:%Y-%m-%d %H:%M}" if key.needed_until is not None else "-"
    return str(key.number), key.use.value, f"{key.since:%Y-%m-%d %H:%M}", until
