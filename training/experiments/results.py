"""All tables and figures on one page, with what they were made of."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import torch

from training.experiments.plan import ExperimentFolder, ExperimentPlan
from training.experiments.table_three import ArmScores, render_table_three
from training.synthesis.plan import GeneratorFolder, GeneratorRunFolder, GeneratorRunPlan

_FIGURES = (
    (
        "figure-2",
        "Figure 2: drawn from unchanged maps of validation patients, above the real slices. A row pair a contrast.",
    ),
    ("figures-3-4-improved", "Figures 3 and 4: most improved. FLAIR; WT blue, reference dotted; right: real only."),
    ("figures-5-6-worsened", "Figures 5 and 6: most worsened. FLAIR; WT blue, reference dotted; right: real only."),
    (
        "moved",
        "Lesions moved in the map: the patient's contrasts above the synthetic ones. WT blue, TC yellow, ET red.",
    ),
)
_STUDY = (
    "The kit lies in `reader_study/`: hand out `index.html`, keep `key.json`. No one has read it yet, so there is no "
    "table. `python -m training reader-study score` makes it of the saved answers."
)
_MOVED = (
    "Validation patients' maps with the lesion edited, drawn by the generator, segmented by the U-Nets of the arm "
    "`real`. DSC per region: `real` in the patient's own exam; `redrawn` in the exam drawn from the unchanged map; "
    "`moved` in the exam drawn from the edited map, against the edited map's regions."
)


def render_results(
    folder: ExperimentFolder,
    plan: ExperimentPlan,
    generators: GeneratorRunPlan,
    scores: ArmScores,
) -> str:
    """The page, as Markdown ending in a newline; its pictures lie in the run's folder.

    Args:
        folder: The run of experiments.
        plan: Of Table Three.
        generators: Of the Augmentation Network.
        scores: Of all arms.
    """
    parts = [
        f"# Results, profile `{plan.name.value}`",
        _made_of(folder, plan, generators),
        "## Table One: synthetic against real images of patients never seen",
        folder.quality_text.read_text().rstrip(),
        "## Memorisation",
        folder.replicas_text.read_text().rstrip(),
        "## Table Two: reader study",
        _STUDY,
        "## Table Three: U-Nets on real and synthetic patients",
        render_table_three(scores).rstrip(),
        _subsets(plan),
        "## Lesions moved",
        _MOVED,
        folder.findings_table.read_text().rstrip(),
        "## Figures",
        *(f"![{text}](figures/{name}.png)\n\n*{text}*" for name, text in _FIGURES if folder.figure(name).exists()),
    ]
    return "\n\n".join(parts) + "\n"


def _made_of(folder: ExperimentFolder, plan: ExperimentPlan, generators: GeneratorRunPlan) -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    runs = GeneratorRunFolder(folder.generators)
    painters = {
        target: runs.generator(target) for target in generators.profiles if runs.generator(target).weights.exists()
    }
    trained = [
        (arm.name, seed)
        for arm in plan.arms
        for seed in plan.seeds_of(arm.name)
        if folder.scores(arm.name, seed).exists()
    ]
    arms = sum(
        _seconds(folder.arm(name, seed).net(region).history) for name, seed in trained for region in plan.unet_profiles
    )
    rows = {
        "data": f"{plan.fingerprint.patients} patients, fingerprint `{plan.fingerprint.digest[:16]}`",
        "split": f"{len(plan.split.train)} train, {len(plan.split.validation)} validate; by patient, before training",
        "seeds": f"U-Nets {', '.join(map(str, plan.seeds))}; generators {generators.seed}; cohort {plan.cohort_seed}",
        "generators": ", ".join(f"{target.value} {_trained(painter)}" for target, painter in painters.items()),
        "first judge": f"VGG-19, {generators.vgg.value}",
        "U-Nets": f"{len(trained)} trainings of 3 nets each, {arms / 60:.0f} min in sum",
        "batches": "as many in every arm"
        if _fixed_steps(plan)
        else "every slice once an epoch, so more with more patients",
        "hardware": f"{device}, {platform.machine()}",
        "versions": ", ".join(f"{name} {number}" for name, number in plan.versions.items()),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _trained(generator: GeneratorFolder) -> str:
    """How long a generator was trained, and if that was elsewhere."""
    if generator.shipped.exists():
        return f"{json.loads(generator.shipped.read_text())['training_seconds'] / 60:.0f} min, as shipped"
    return f"{_seconds(generator.history) / 60:.0f} min"


def _fixed_steps(plan: ExperimentPlan) -> bool:
    return all(profile.steps_per_epoch is not None for profile in plan.unet_profiles.values())


def _subsets(plan: ExperimentPlan) -> str:
    lines = [
        f"- `{arm.name.value}`: synthetic cases {', '.join(map(str, arm.synthetic)) or 'none'}" for arm in plan.arms
    ]
    return "\n".join(["Synthetic cases of each arm, by number:", "", *lines])


def _seconds(history: Path) -> float:
    return float(sum(record["seconds"] for record in json.loads(history.read_text())))
