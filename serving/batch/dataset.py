"""`dataset.json`: what a cohort tells those that train on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from imaging.modality import Modality
from imaging.regions import TISSUES_OF, Region
from serving.batch.layouts import RULES
from serving.batch.spec.fields import Layout

_CHANNEL_NAMES = MappingProxyType(
    {Modality.T1: "T1", Modality.T1CE: "T1CE", Modality.T2: "T2", Modality.FLAIR: "FLAIR"}
)
_REGION_NAMES = MappingProxyType({Region.WT: "whole tumor", Region.TC: "tumor core", Region.ET: "enhancing tumor"})
_NOTICE = "Synthetic exams of no patients, made by glioserve. Not for diagnosis."


def dataset_json(name: str, layout: Layout, modalities: Sequence[Modality], case_ids: Sequence[str]) -> bytes:
    """The content of `dataset.json`.

    For nnU-Net it is the data set's description of its version 2, with the nested regions as targets. For the BraTS
    layouts it is a list of files as MONAI's `load_decathlon_datalist` reads it.

    Args:
        name: The cohort's.
        layout: How the cohort is laid out.
        modalities: The contrasts, in the order of channels.
        case_ids: Of the cases that are released.
    """
    common: dict[str, Any] = {"name": name, "description": _NOTICE, "numTraining": len(case_ids)}
    own = _nnunet(layout, modalities) if layout is Layout.NNUNET_RAW else _monai(layout, modalities, sorted(case_ids))
    return (json.dumps(common | own, indent=1) + "\n").encode()


def _nnunet(layout: Layout, modalities: Sequence[Modality]) -> dict[str, Any]:
    values = RULES[layout].scheme.values
    regions = {
        _REGION_NAMES[region]: sorted(values[tissue] for tissue in TISSUES_OF[region])
        for region in (Region.WT, Region.TC, Region.ET)
    }
    return {
        "channel_names": {str(channel): _CHANNEL_NAMES[modality] for channel, modality in enumerate(modalities)},
        "labels": {"background": 0} | regions,
        # What each region adds when regions are written over each other, from WT to ET: ED, then NCR, then ET.
        "regions_class_order": sorted(values[tissue] for tissue in TISSUES_OF[Region.WT]),
        "file_ending": ".nii.gz",
    }


def _monai(layout: Layout, modalities: Sequence[Modality], case_ids: Sequence[str]) -> dict[str, Any]:
    labels = {"0": "background"} | {str(value): tissue.name for tissue, value in RULES[layout].scheme.values.items()}
    return {
        "modality": {str(channel): _CHANNEL_NAMES[modality] for channel, modality in enumerate(modalities)},
        "labels": labels,
        "training": [
            {
                "image": list(RULES[layout].volume_paths(case_id, modalities).values()),
                "label": RULES[layout].label_path(case_id),
            }
            for case_id in case_ids
        ],
    }
