"""`searchplane keys`: the keys that tokens are made with, and those that seal what is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from searchplane.cli.local import local_database, operators_line
from searchplane.cli.tables import print_json, print_table
from searchplane.iam import keys
from searchplane.iam.keys import KeyFile
from searchplane.iam.sealing import Seals
from searchplane.settings import Settings
from searchplane.store import audit
from searchplane.store.sealed import check_opens, reseal

HEAD = ("number", "use", "since", "kept until")
SEALED_HEAD = ("number", "secrets sealed")
ROTATE = "keysRotate"
SEAL = "keysSeal"
"""The operations of the lines in the audit trail."""


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


def seal(settings: Settings, *, as_json: bool) -> None:
    """Make a new key for stored secrets, seal them all with it, and tell the audit trail.

    Raises Permanent when one of them cannot be read, before there is a new key.
    """
    with local_database(settings) as database:
        seals = Seals.open(settings.seals_parent)
        with database.read() as connection:
            check_opens(connection, seals)
        number = seals.rotate()
        found = reseal(database, seals)
        with database.write() as connection:
            audit.append(connection, [operators_line(SEAL, str(number))])
    if as_json:
        print_json({"number": number, "sealed": found})
    else:
        print_table(SEALED_HEAD, [(str(number), str(found))])


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
