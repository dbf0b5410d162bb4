"""`dataset.json`, as those read it that train on it."""

from __future__ import annotations

import json
from pathlib import Path

from monai.data import load_decathlon_datalist

from imaging.modality import Modality
from serving.batch.dataset import dataset_json
from serving.batch.spec import Layout


def test_nnunet() -> None:
    case_ids = ["synthetic_00000", "synthetic_00002"]
    content = json.loads(dataset_json("small", Layout.NNUNET_RAW, (Modality.T1CE, Modality.FLAIR), case_ids))
    assert content == {
        "name": "small",
        "description": "Synthetic exams of no patients, made by glioserve. Not for diagnosis.",
        "numTraining": 2,
        "channel_names": {"0": "T1CE", "1": "FLAIR"},
        # ED 1, NCR 2, ET 3.
        "labels": {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]},
        "regions_class_order": [1, 2, 3],
        "file_ending": ".nii.gz",
    }


def test_monai(tmp_path: Path) -> None:
    file = tmp_path / "dataset.json"
    file.write_bytes(
        dataset_json("small", Layout.BRATS_2018, tuple(Modality), ["Brats18_SYN_00002_1", "Brats18_SYN_00000_1"])
    )
    listed = load_decathlon_datalist(str(file), is_segmentation=True, data_list_key="training")
    folder = tmp_path / "Brats18_SYN_00000_1"
    assert listed[0] == {
        "image": [str(folder / f"Brats18_SYN_00000_1_{kind}.nii.gz") for kind in ("t1", "t1ce", "t2", "flair")],
        "label": str(folder / "Brats18_SYN_00000_1_seg.nii.gz"),
    }
    assert len(listed) == 2
    content = json.loads(file.read_bytes())
    assert content["labels"] == {"0": "background", "1": "NCR", "2": "ED", "4": "ET"}
    assert content["modality"] == {"0": "T1", "1": "T1CE", "2": "T2", "3": "FLAIR"}
