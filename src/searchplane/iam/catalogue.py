"""The service catalogue in a token: where a client finds the services.

The public clients append `/clusters` straight to the `css` URL, so it holds the version and the
project. `iam` is listed as `identity` too, and both in the service's region and in "*": the
OpenStack SDK filters by region, the public cloud says "*".
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache

from searchplane.domain.access import ProjectScope, Scope
from searchplane.settings import Settings

ANY_REGION = "*"


@dataclass(frozen=True)
class Endpoint:
    id: str
    region: str
    url: str


@dataclass(frozen=True)
class CatalogueEntry:
    """One service; every endpoint's interface is `public`."""

    id: str
    name: str
    type: str
    endpoints: tuple[Endpoint, ...]


def catalogue(settings: Settings, scope: Scope) -> tuple[CatalogueEntry, ...]:
    """What a token of this scope can reach; without a project there is no search service."""
    base, region = settings.base_url, settings.region
    identity = f"{base}/v3"
    entries = [
        _entry("iam", "identity", identity, (region, ANY_REGION)),
        _entry("iam", "iam", identity, (region, ANY_REGION)),
    ]
    if isinstance(scope, ProjectScope):
        entries.insert(0, _entry("css", "css", f"{base}/v1.0/{scope.id}", (region,)))
    return tuple(entries)


def _entry(name: str, kind: str, url: str, regions: tuple[str, ...]) -> CatalogueEntry:
    return CatalogueEntry(
        id=_stable_id(kind),
        name=name,
        type=kind,
        endpoints=tuple(
            Endpoint(id=_stable_id(f"{kind} {region} {url}"), region=region, url=url)
            for region in regions
        ),
    )


@lru_cache(1024)
def _stable_id(name: str) -> str:
    """The same id for the same thing in every answer, without a row for it."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"searchplane {name}").hex
