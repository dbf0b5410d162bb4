"""A cohort, as MONAI reads it: by its list of files, its loader and its own conversion to regions."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from monai.data import CacheDataset, check_missing_files, load_decathlon_datalist
from monai.transforms import Compose, ConvertToMultiChannelBasedOnBratsClassesd, EnsureChannelFirstd, LoadImaged

from imaging.regions import Region
from serving.batch.order import CohortOrder
from serving.batch.worker import run_share
from serving.synthesis.provenance import Provenance
from tests.serving.batch.fakes import SmallMaking, small_spec

CASES = 3
REGIONS = (Region.TC, Region.WT, Region.ET)
"""In MONAI's order."""


# Of a reader of DICOM that MONAI offers where pydicom is installed; no DICOM is read here.
@pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader:UserWarning")
@pytest.mark.parametrize(("layout", "et_label"), [("brats_2018", 4), ("brats_2023", 3)])
def test_monai_reads_a_cohort(tmp_path: Path, layout: str, et_label: int) -> None:
    out = tmp_path / "out"
    order = CohortOrder(small_spec(tmp_path, cases=CASES, layout=layout), str(out))
    assert run_share(order, SmallMaking(order.spec), stopping=threading.Event(), on_progress=lambda _: None).finished
    listed = load_decathlon_datalist(str(out / "dataset.json"), is_segmentation=True, data_list_key="training")
    assert len(listed) == CASES
    assert check_missing_files(listed, keys=("image", "label")) == []
    dataset = CacheDataset(
        listed,
        Compose(
            [
                LoadImaged(keys=("image", "label")),
                EnsureChannelFirstd(keys="image"),
                ConvertToMultiChannelBasedOnBratsClassesd(keys="label", et_label=et_label),
            ]
        ),
        num_workers=0,
        progress=False,
    )
    provenances = [Provenance.from_json(path.read_bytes()) for path in sorted((out / "provenance").glob("*.json"))]
    assert len(dataset) == len(provenances) == CASES
    for item, provenance in zip(dataset, provenances, strict=True):
        image, label = item["image"], item["label"]
        assert image.shape[0] == 4
        assert image.shape[1:] == label.shape[1:]
        np.testing.assert_allclose(image.affine, label.affine)
        # Four different contrasts, of which none is empty, of a brain that holds the tumour.
        assert all(len(np.unique(channel)) > 2 for channel in image)
        assert len({channel.numpy().tobytes() for channel in image}) == 4
        assert not (np.asarray(label.any(dim=0)) & ~np.asarray(image.bool().any(dim=0))).any()
        voxel_ml = abs(float(np.linalg.det(image.affine[:3, :3]))) / 1000
        for channel, region in zip(label, REGIONS, strict=True):
            measured = getattr(provenance.measures, f"{region.value}_ml")
            assert float(channel.sum()) * voxel_ml == pytest.approx(measured, abs=1e-3)
