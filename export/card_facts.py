"""What every model card tells: of the file, of the data, of the run, of the parity gate."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from export.gate import GateReport
from export.terms import YEARS, describe_terms
from imaging.brats import BratsNaming
from training.plan import RunPlan
from training.synthesis.plan import GeneratorRunPlan

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def load_template(name: str) -> Template:
    """A card's template, e.g. `model_card.md`."""
    return Template(files("export").joinpath("templates", name).read_text(encoding="utf-8"))


def graph_facts(name: str, graph: bytes) -> dict[str, str]:
    """The model's name, and its file's digest and size."""
    return {"name": name, "sha256": hashlib.sha256(graph).hexdigest(), "size_mb": f"{len(graph) / 1e6:.1f}"}


def data_facts(run: RunPlan | GeneratorRunPlan) -> dict[str, str]:
    """What the data are, under which terms, and how they were split."""
    data = run.fingerprint
    years = [f"{count} of {YEARS[BratsNaming(naming)]}" for naming, count in data.cases_by_naming.items()]
    without = [f"{count} have no {region.name}" for region, count in data.cases_without.items() if count]
    return {
        "cases": f"{data.cases}",
        "patients": f"{data.patients}",
        "years": ", ".join(years),
        "without": f"{', '.join(without)}." if without else "All have every region.",
        "terms": describe_terms(data.cases_by_naming),
        "fingerprint": data.digest,
        "seed": f"{run.seed}",
        "train_count": f"{len(run.split.train)}",
        "validation_count": f"{len(run.split.validation)}",
        "validation": ", ".join(f"`{patient}`" for patient in run.split.validation),
    }


def settings_facts(run: RunPlan | GeneratorRunPlan, profile: DataclassInstance) -> dict[str, str]:
    """With which settings and versions it was trained."""
    return {
        "profile": run.profile_name.value,
        "settings": "\n".join(f"- {name}: {value}" for name, value in asdict(profile).items()),
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
    }


def parity_facts(parity: GateReport[Any]) -> dict[str, str]:
    """What was compared by what, and for every bound what was found and what is allowed."""
    return {
        "parity_source": parity.source,
        "torch_version": parity.torch_version.partition("+")[0],
        "onnxruntime_version": parity.onnxruntime_version,
        **{name: f"{getattr(parity, name):.2g}" for name in asdict(parity.bounds)},
        **{f"{name}_bound": f"{bound:g}" for name, bound in asdict(parity.bounds).items()},
    }
