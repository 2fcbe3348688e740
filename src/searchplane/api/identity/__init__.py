"""The identity operations: tokens, discovery, what the holder of a token can reach, and the
directory of users, groups, projects and domains."""

from __future__ import annotations

from searchplane.api.identity import (
    discovery,
    domains,
    groups,
    listings,
    projects,
    regions,
    security_policies,
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
    *security_policies.OPERATIONS,
)
