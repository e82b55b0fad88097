"""The whole of an AAF as a tree of plain values, and what differs between two of them.

The walk knows nothing of mobs, effects or markers: it takes every object from the root down with
every property it has, raw, as the file holds it. Strong references are followed, weak ones are
named by what they point at, sets are taken by key, streams by their hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aaf2 import properties

MAX_OBJECTS = 5_000_000
"""Beyond this an AAF is an attack, not an edit."""


@dataclass(frozen=True, slots=True)
class Node:
    """One object of an AAF.

    Attributes:
        kind: id of its class.
        path: its storage in the compound file.
        values: properties that hold data, weak references or streams, by number.
        objects: properties that hold objects, by number; in sets by key, in vectors by place.
    """

    kind: str
    path: str
    values: dict[int, Any]
    objects: dict[int, dict[Any, Node]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Attributes:
        path: storage of the object that differs, or that holds what was added or is gone.
        what: ``value``, ``kind``, ``added`` or ``gone``.
        number: of the property.
        key: which object of it, where one was added or is gone.
        before, after: what was there and is there now: raw values, or nodes.
    """

    path: str
    what: str
    number: int
    key: Any
    before: Any
    after: Any


def tree_of(aaf: Any) -> Node:
    """The tree of an open AAF."""
    table = [tuple(path) for path in aaf.weakref_table]
    return _node(aaf.root, table)


def _node(thing: Any, table: list[tuple[int, ...]]) -> Node:
    values: dict[int, Any] = {}
    objects: dict[int, dict[Any, Node]] = {}
    for entry in thing.properties():
        if isinstance(entry, properties.StrongRefProperty):
            objects[entry.pid] = {"": _node(entry.value, table)}
        elif isinstance(entry, properties.StrongRefVectorProperty):
            objects[entry.pid] = {i: _node(child, table) for i, child in enumerate(entry)}
        elif isinstance(entry, properties.StrongRefSetProperty):
            objects[entry.pid] = {
                bytes(key.bytes_le): _node(child, table) for key, child in entry.items()
            }
        elif isinstance(entry, properties.WeakRefArrayProperty):
            names = [bytes(name.bytes_le) for name in entry.references]
            ordered = isinstance(entry, properties.WeakRefVectorProperty)
            values[entry.pid] = (
                _target(entry, table),
                tuple(names if ordered else sorted(names)),
            )
        elif isinstance(entry, properties.WeakRefProperty):
            values[entry.pid] = (_target(entry, table), bytes(entry.ref.bytes_le))
        elif isinstance(entry, properties.StreamProperty):
            values[entry.pid] = hashlib.sha256(entry.open("r").read()).hexdigest()
        else:
            values[entry.pid] = bytes(entry.data)
    return Node(str(thing.class_id), thing.dir.path(), values, objects)


def _target(entry: Any, table: list[tuple[int, ...]]) -> tuple[Any, ...]:
    """Where a weak reference points: the property that owns its target, and the key's number."""
    index = entry.weakref_index
    known = index is not None and index < len(table)
    return (table[index] if known else index, entry.key_pid)


def differences(before: Node, after: Node) -> Iterator[Difference]:
    """Everything that differs, top down; below an object of another class nothing is compared."""
    if before.kind != after.kind:
        yield Difference(before.path, "kind", 0, None, before, after)
        return
    for number in before.values.keys() | after.values.keys():
        old, new = before.values.get(number), after.values.get(number)
        if old != new:
            yield Difference(before.path, "value", number, None, old, new)
    for number in before.objects.keys() | after.objects.keys():
        old_ones, new_ones = before.objects.get(number, {}), after.objects.get(number, {})
        if (number in before.objects) != (number in after.objects):
            yield Difference(before.path, "value", number, None, old_ones, new_ones)
        for key in old_ones.keys() - new_ones.keys():
            yield Difference(before.path, "gone", number, key, old_ones[key], None)
        for key in new_ones.keys() - old_ones.keys():
            yield Difference(before.path, "added", number, key, None, new_ones[key])
        for key in old_ones.keys() & new_ones.keys():
            yield from differences(old_ones[key], new_ones[key])
