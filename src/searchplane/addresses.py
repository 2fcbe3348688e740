"""Addresses as settings have them: what is one, and its parts."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_web_address(text: str) -> bool:
    """http(s) with a host, and nothing after the path, so that paths can be added."""
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:  # the port is no number, or an IPv6 address is not closed
        return False
    plain = not (parts.query or parts.fragment or set(text) & set(" \t'\""))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_right and plain


def split_listen(listen: str) -> tuple[str, int]:
    """HOST:PORT as its two parts; [::1]:9480 for IPv6. Raises ValueError with what is right."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:9480")
    return host.strip("[]"), int(port)
