"""Ids of cohorts: safe as a folder's name, and as a part of the names of a cluster's objects."""

from __future__ import annotations

import re

from serving.cohorts.errors import CohortOrderError

MAX_ID = 40
"""Characters. With a prefix, an attempt and a pod's index it stays below the 63 that a cluster allows."""

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_UNSAFE = re.compile(r"[^a-z0-9]+", re.ASCII)
_DIGITS = 8


def check_id(value: str) -> str:
    """The id, if it is one.

    Raises:
        CohortOrderError: It has other characters than lower-case letters, digits and inner hyphens, or too many.
    """
    if len(value) > MAX_ID:
        raise CohortOrderError("id", f"must have at most {MAX_ID} characters", f"{len(value)}")
    if not _ID.fullmatch(value):
        rule = "must be lower-case letters, digits and hyphens, with no hyphen at its ends"
        raise CohortOrderError("id", rule, repr(value))
    return value


def id_of(name: str, spec_sha256: str) -> str:
    """The id of a cohort that was ordered without one: the same for the same spec, so that an order can be repeated.

    Args:
        name: Of the spec; what an id can't hold becomes hyphens.
        spec_sha256: Hex digest of the spec.
    """
    room = MAX_ID - _DIGITS - 1
    slug = _UNSAFE.sub("-", name.lower()).strip("-")[:room].strip("-")
    return "-".join(part for part in (slug, spec_sha256[:_DIGITS]) if part)
