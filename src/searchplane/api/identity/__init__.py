"""The identity operations: tokens, discovery, what the holder of a token can reach, and the
directory of users, groups, projects and domains."""

from __future__ import annotations

from searchplane.api.identity import (
    agencies,
    credentials,
    discovery,
    domains,
    grants,
    groups,
    listings,
    projects,
    regions,
    roles,
    security_policies,
    service_agencies,
    temporary,
    tokens,
    users,
)

OPERATIONS = (
    *discovery.OPERATIONS,
    *tokens.OPERATIONS,
    *listings.OPERATIONS,
    *regions.OPERATIONS,
    *users.OPERATIONS,
    *groups.OPERATIONS,
    *projects.OPERATIONS,
    *domains.OPERATIONS,
    *roles.OPERATIONS,
    *grants.OPERATIONS,
    *agencies.OPERATIONS,
    *service_agencies.OPERATIONS,
    *security_policies.OPERATIONS,
    *credentials.OPERATIONS,
    *temporary.OPERATIONS,
)
