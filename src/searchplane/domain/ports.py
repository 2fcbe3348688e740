"""The ports of a node: those users of the engines know, on every node's own address."""

from __future__ import annotations

REST_PORT = 9200
TRANSPORT_PORT = 9300
