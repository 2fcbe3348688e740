"""From a path to what is there: a tree of its parts, so that the number of paths costs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Node(Generic[T]):
    children: dict[str, _Node[T]] = field(default_factory=dict)
    any_child: _Node[T] | None = None
    names: tuple[str, ...] = ()
    value: T | None = None


class Paths(Generic[T]):
    """Values by path; a part in braces stands for any one part, a written one goes before it."""

    def __init__(self, values: Iterable[tuple[str, T]]) -> None:
        self._root = _Node[T]()
        for path, value in values:
            self._add(path, value)

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """The value, and the parts that stand for names; empty parts count for nothing."""
        node, parts = self._root, list[str]()
        for part in path.split("/"):
            if not part:
                continue
            child = node.children.get(part)
            if child is None:
                child = node.any_child
                if child is None:
                    return None
                parts.append(part)
            node = child
        if node.value is None:
            return None
        return node.value, dict(zip(node.names, parts, strict=True))

    def _add(self, path: str, value: T) -> None:
        node, names = self._root, list[str]()
        for part in filter(None, path.split("/")):
            if part.startswith("{"):
                names.append(part.strip("{}"))
                node.any_child = node.any_child or _Node()
                node = node.any_child
            else:
                node = node.children.setdefault(part, _Node())
        node.names, node.value = tuple(names), value
