"""The classes an AAF defines in itself: those of new objects must be among them.

An AAF carries the definitions of its own classes and types, of those that it uses. pyaaf2 adds all
it knows to every file that it opens to write; here only what new objects need is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aaf2 import types

CLASSES, TYPES = "ClassDefinitions", "TypeDefinitions"


def define(aaf: Any, kind: Any) -> None:
    """See that this class definition, and whatever it builds on, is in the file."""
    known = aaf.metadict[CLASSES]
    for definition in kind.relatives():
        if definition.class_name == "Root" or definition.auid in known:
            continue
        known.append(definition)
        for member in definition.propertydefs:
            _define_type(aaf, member.typedef)


def _define_type(aaf: Any, definition: Any) -> None:
    known = aaf.metadict[TYPES]
    if definition is None or definition.auid in known:
        return
    known.append(definition)
    for part in _parts(definition):
        _define_type(aaf, part)
    if isinstance(definition, types.TypeDefStrongRef | types.TypeDefWeakRef):
        define(aaf, definition.ref_classdef)


def _parts(definition: Any) -> Iterator[Any]:
    """The types that a type is made of."""
    for name in ("element_typedef", "renamed_typedef"):
        part = getattr(definition, name, None)
        if part is not None:
            yield part
    if isinstance(definition, types.TypeDefRecord):
        yield from definition.member_types
