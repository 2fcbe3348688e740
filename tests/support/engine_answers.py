"""An engine that answers what a test says, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

Answer = dict[str, Any] | tuple[int, dict[str, Any]] | Exception


def refusal(status: int, kind: str, reason: str, cause: str = "") -> tuple[int, dict[str, Any]]:
    """As engines word it; `cause` is the kind of what lies behind."""
    error: dict[str, Any] = {"type": kind, "reason": reason}
    if cause:
        error["caused_by"] = {"type": cause, "reason": f"because of {cause}"}
    return status, {"error": error, "status": status}


@dataclass
class EngineAnswers(httpx.AsyncBaseTransport):
    """`answers` by `METHOD /path`, without the query; a list gives one after the other, and its
    last one from then on. What is not told is {}."""

    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    urls: list[httpx.URL] = field(default_factory=list)
    instead: Callable[[httpx.Request], httpx.Response | None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        self.asked.append(f"{request.method} {request.url.path}")
        self.bodies.append(json.loads(content) if content else None)
        self.urls.append(request.url)
        other = self.instead(request)
        if other is not None:
            return other
        answer = self._answer(self.asked[-1])
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return httpx.Response(status, json=body)

    def _answer(self, asked: str) -> Answer:
        known = self.answers.get(asked, {})
        if not isinstance(known, list):
            return known
        return known.pop(0) if len(known) > 1 else known[0]
