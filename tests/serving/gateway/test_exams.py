import gzip

import nibabel as nib
import numpy as np
import pytest

from imaging.labels import LabelScheme
from imaging.metrics.regions import MetricConventions
from imaging.modality import Modality
from imaging.nifti import NiftiLimits
from serving.gateway.cancellation import Cancellation
from serving.gateway.exams import ExamSettings, segment_exam
from serving.gateway.orders import FileSpec, SegmentOrder
from tests.serving.gateway.support import FakeEngine, exam_volumes


def file_of(voxels, *, sform, qform):
    """A NIfTI file with the geometry in sform, in qform, in both or in neither."""
    image = nib.Nifti1Image(voxels, None)
    image.header.set_sform(sform, code=1 if sform is not None else 0)
    image.header.set_qform(qform, code=1 if qform is not None else 0)
    return image.to_bytes()


def outcome_of(sform, qform):
    engine = FakeEngine()
    contents = {
        modality: file_of(np.asarray(volume.voxels), sform=sform, qform=qform)
        for modality, volume in exam_volumes().items()
    }
    order = SegmentOrder(
        files=tuple(FileSpec(modality, len(content)) for modality, content in contents.items()),
        label_scheme=LabelScheme.BRATS_2018,
        reference_label_scheme=None,
        conventions=MetricConventions(),
    )
    outcome = segment_exam(
        order,
        [memoryview(content) for content in contents.values()],
        predictor=engine,
        plans=engine.catalog.plans,
        settings=ExamSettings(limits=NiftiLimits(), micro_batch=8),
        emit=lambda _: None,
        cancellation=Cancellation(600.0),
    )
    sent = nib.Nifti1Image.from_bytes(contents[Modality.T1])
    return outcome, sent


OBLIQUE = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.1, 0.2, 0.3), [-91.3, 12.7, 4.1])


@pytest.mark.parametrize(("sform", "qform"), [(OBLIQUE, None), (None, OBLIQUE), (OBLIQUE, OBLIQUE)])
def test_the_label_map_has_the_exams_geometry_bit_for_bit(sform, qform):
    outcome, sent = outcome_of(sform, qform)
    answer = nib.Nifti1Image.from_bytes(gzip.decompress(outcome.label_map))
    assert answer.shape == sent.shape
    np.testing.assert_array_equal(answer.affine, sent.affine)
    for field in ("sform_code", "qform_code", "pixdim", "quatern_b", "qoffset_x", "srow_x"):
        np.testing.assert_array_equal(answer.header[field], sent.header[field])
    assert not any("orientation" in warning for warning in outcome.warnings)


def test_an_exam_without_orientation_is_warned_of():
    outcome, _ = outcome_of(None, None)
    assert any("left and right are by convention" in warning for warning in outcome.warnings)
