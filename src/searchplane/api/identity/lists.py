"""Lists in parts: what a query may ask for, and the links to the parts before and after.

Both ways of the field are read, the public API's `page` and `per_page` and Keystone's `limit` and
`marker`; without any of them a list is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import Field

from searchplane.api.fields import Boolean, Integer, Request
from searchplane.api.identity.replies import PageLinks
from searchplane.api.identity.requests import Name
from searchplane.api.operation import Call
from searchplane.store.listing import Listed, Part

MAX_PART = 5000

Count = Annotated[Integer, Field(ge=1, le=MAX_PART)]


class ListQuery(Request):
    """The filters most lists have, and the part that is wanted."""

    name: Name | None = None
    domain_id: Name | None = None
    enabled: Boolean | None = None
    page: Annotated[Integer, Field(ge=1, le=1_000_000)] | None = None
    per_page: Count | None = None
    limit: Count | None = None
    marker: Name | None = None


def part(query: ListQuery) -> Part:
    """Which part of the list is wanted."""
    if query.page is not None or query.per_page is not None:
        size = query.per_page or MAX_PART
        return Part(limit=size, offset=((query.page or 1) - 1) * size)
    return Part(limit=query.limit, marker=query.marker)


def links(call: Call, path: str, listed: Listed[Any], shown: Sequence[Any]) -> PageLinks:
    """Links to this part, the next and the one before, where there are any."""
    query: ListQuery = call.query
    base = f"{call.services.settings.base_url}{path}"
    given = query.model_dump(by_alias=False, exclude_none=True)
    return PageLinks(
        self=_link(base, given),
        next=None if listed.is_last else _link(base, given | _next(query, shown)),
        previous=_link(base, given | {"page": query.page - 1})
        if query.page is not None and query.page > 1
        else None,
    )


def _next(query: ListQuery, shown: Sequence[Any]) -> dict[str, Any]:
    if query.limit is not None:
        return {"marker": shown[-1].id}
    return {"page": (query.page or 1) + 1}


def _link(base: str, given: dict[str, Any]) -> str:
    words = {
        name: str(value).lower() if value in (True, False) else value
        for name, value in given.items()
    }
    return f"{base}?{urlencode(words)}" if words else base
