"""The page itself: HTML that loads nothing and runs nothing, a function of its arguments alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from serving.batch.quality import sections
from serving.batch.quality.facts import ReplicaFacts
from serving.batch.quality.montage import montage
from serving.batch.quality.picture import CONVENTION, CasePicture
from serving.batch.spec import CohortSpec
from serving.synthesis.provenance import Provenance

DISCLAIMER = "Synthetic exams of nobody. Research software, not a medical device."


def render_quality(
    spec: CohortSpec,
    released: Sequence[Provenance],
    pictures: Sequence[CasePicture],
    *,
    quarantined: Sequence[Provenance] = (),
    failed: Mapping[int, str] | None = None,
) -> str:
    """The page of a cohort, finished or not.

    Args:
        spec: What was asked for.
        released: Of the cases in the cohort, in any order.
        pictures: Of those that `choose_cases` chose, in this order.
        quarantined: Of the cases that were set aside.
        failed: Why a case could not be made, by its index.

    Returns:
        HTML. It names no file, no host and no time: the same arguments give the same bytes.
    """
    released = sorted(released, key=lambda case: case.index)
    made = sorted([*released, *quarantined], key=lambda case: case.index)
    failed = failed or {}
    facts = ReplicaFacts.of(made)
    style = _part("page.css")
    return Template(_part("page.template.html")).substitute(
        policy=f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'",
        style=style,
        name=escape(spec.name),
        disclaimer=escape(DISCLAIMER),
        counts=sections.counts(spec, released=len(released), quarantined=len(quarantined), failed=len(failed)),
        asked=sections.asked(spec),
        montage=montage(pictures, released),
        convention=escape(CONVENTION),
        volumes=sections.volumes(spec, released),
        location=sections.location(spec, released),
        mix=sections.mix(spec, released),
        replicas=sections.replicas(spec, facts),
        origin=sections.origin(spec, made, facts),
        failures=sections.failures(failed),
    )


def _part(name: str) -> str:
    return (resources.files("serving.batch.quality") / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    """An inline source as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode('ascii')}"
