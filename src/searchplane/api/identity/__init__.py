"""The identity operations: tokens, discovery, and what the holder of a token can reach."""

from __future__ import annotations

from searchplane.api.identity import discovery, listings, tokens

OPERATIONS = (*discovery.OPERATIONS, *tokens.OPERATIONS, *listings.OPERATIONS)
