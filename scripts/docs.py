"""Writes the pages of docs/ that are made from code; `--check` only says which are out of date."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from searchplane.api.codes import CODES
from searchplane.api.openapi import error_codes
from searchplane.api.routes import OPERATIONS
from searchplane.domain import safety
from searchplane.domain.engines import DATASTORES, engine_for, supports_security
from searchplane.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"
MADE = "<!-- Made by scripts/docs.py; change the code it is made from instead. -->\n\n"


def settings() -> str:
    lines = [
        "# Settings\n",
        "Each is an environment variable; `searchplane serve --help` lists the options that "
        "override them.\n",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "by platform" if field.default_factory else _default(field.default)
        lines.append(f"| `SEARCHPLANE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


UNREAD = "none: the request cannot be read"
WITHOUT_OPERATION = {
    "APIGW.0101": "none: no operation has the path and method",
    "APIGW.0602": UNREAD,
}
"""Who answers a code that no operation declares; the others are faults of the service."""


def errors() -> str:
    users = defaultdict(list)
    for operation in OPERATIONS:
        for code in error_codes(operation):
            users[code].append(operation.id)
    lines = [
        "# Error codes\n",
        "Every error answer holds `errCode` and `externalMessage`, and the same as `error_code` "
        "and `error_msg`; identity paths use `error.code`, `error.title` and `error.message` with "
        "the code beside them. `X-Request-Id` is on every answer and names the line in the log.\n",
        "| code | status | meaning | operations |",
        "|---|---|---|---|",
    ]
    for code, (status, meaning) in sorted(CODES.items()):
        named = users.get(code, [])
        unnamed = WITHOUT_OPERATION.get(code, "any, on a fault of the service")
        shown = "any" if len(named) > 8 else ", ".join(named) or unnamed
        lines.append(f"| {code} | {status} | {meaning} | {shown} |")
    return "\n".join(lines) + "\n"


def operations() -> str:
    lines = [
        "# Operations\n",
        "`/openapi.json` of a running service has every field. The actions are what roles must "
        "allow; operations without one need no credential.\n",
        "| operation | request | action | what it does |",
        "|---|---|---|---|",
    ]
    for operation in OPERATIONS:
        paths = "<br>".join(f"`{operation.method} {path}`" for path in operation.paths)
        actions = (operation.action, *operation.besides) if operation.action else ()
        action = "<br>".join(f"`{one}`" for one in actions)
        lines.append(f"| {operation.id} | {paths} | {action} | {operation.summary} |")
    return "\n".join(lines) + "\n"


def engines() -> str:
    lines = [
        "# Engines\n",
        "What a request names (the datastore) and what runs (the engine).\n",
        "| datastore | engine | in security mode |",
        "|---|---|---|",
    ]
    for datastore, engine in DATASTORES.items():
        secured = (
            str(engine_for(datastore, secured=True)) if supports_security(datastore) else "refused"
        )
        lines.append(f"| {datastore.type} {datastore.version} | {engine} | {secured} |")
    return "\n".join(lines) + "\n"


KINDS = (
    ("restarted, one node after the other", safety.RESTART),
    ("restarted in the same moment as others", safety.RESTART_BESIDE),
    ("restarted, all at once", safety.RESTART_AT_ONCE),
    ("restarted though it is no member", safety.RESTART_ILL),
    ("restarted because it hangs", safety.RESTART_HUNG),
    ("stopped for good after its data was moved", safety.LEAVE),
    ("stopped for good with its data", safety.LEAVE_WITH_DATA),
    ("stopped for good though it is no member", safety.LEAVE_ILL),
    ("removed with its storage", safety.BURY),
)


def predicates() -> str:
    lines = [
        "# What holds up a change\n",
        "Before each step of a change to a live cluster these predicates are asked, in this order. "
        "The first that objects is shown with its sentence: `refusedBy` and `refusedBecause` in "
        "the cluster's detail, `refused` in `searchplane cluster show`. The step is tried again "
        "at the next look. `searchplane cluster skip-predicate` sets one aside until the change "
        "is over, if it says yes below; the others guard data and votes.\n",
        "| predicate | what must be so | may be set aside |",
        "|---|---|---|",
    ]
    order = dict.fromkeys(one for _, kind in KINDS for one in kind)
    for one in order:
        text = " ".join((one.__doc__ or "").split()).replace(" Cannot be set aside.", "")
        may = "yes" if one.__name__ in safety.SKIPPABLE else "no"
        lines.append(f"| {one.__name__} | {text} | {may} |")
    lines += ["", "| before a node is | these are asked |", "|---|---|"]
    lines += [f"| {what} | {', '.join(one.__name__ for one in kind)} |" for what, kind in KINDS]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "errors.md": errors,
    "operations.md": operations,
    "engines.md": engines,
    "predicates.md": predicates,
}


def main(check: bool) -> int:
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, MADE + page()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text)
    if stale:
        print(f"{'out of date' if check else 'written'}: {', '.join(stale)}")
    if stale and check:
        print("run: python scripts/docs.py")
    return 1 if stale and check else 0


def _default(value: object) -> str:
    if value is None:
        return "unset"
    return f"`{json.dumps(value)}`" if isinstance(value, dict) else f"`{value}`"


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
