import gzip

import nibabel as nib
import numpy as np
import pytest

from imaging.casecheck.errors import CaseRefusedError
from imaging.casecheck.finding import FindingRule
from imaging.errors import GeometryError
from imaging.labels import LabelScheme
from imaging.metrics.regions import MetricConventions
from imaging.modality import Modality
from imaging.nifti import NiftiLimits, NiftiTruncatedError
from imaging.pipeline.clinical import Workshop
from imaging.regions import Region
from serving.gateway.cancellation import Cancellation
from serving.gateway.exams import ExamSettings, segment_exam
from serving.gateway.orders import FileSpec, MaskRole, SegmentOrder
from tests.serving.gateway.support import FakeEngine, exam_files, exam_volumes


def file_of(voxels, *, sform, qform):
    """A NIfTI file with the geometry in sform, in qform, in both or in neither."""
    image = nib.Nifti1Image(voxels, None)
    image.header.set_sform(sform, code=1 if sform is not None else 0)
    image.header.set_qform(qform, code=1 if qform is not None else 0)
    return image.to_bytes()


def segmented(contents, **order):
    """The outcome for the files of four contrasts, and of a reference where one is given."""
    engine = FakeEngine()
    settings = {
        "label_scheme": LabelScheme.BRATS_2018,
        "reference_label_scheme": None,
        "conventions": MetricConventions(),
        **order,
    }
    return segment_exam(
        SegmentOrder(files=tuple(FileSpec(role, len(content)) for role, content in contents.items()), **settings),
        [memoryview(content) for content in contents.values()],
        settings=ExamSettings(limits=NiftiLimits(), workshop=Workshop(engine, engine.catalog.plans, extract=None)),
        emit=lambda _: None,
        cancellation=Cancellation(600.0),
    )


def outcome_of(sform, qform):
    contents = {
        modality: file_of(np.asarray(volume.voxels), sform=sform, qform=qform)
        for modality, volume in exam_volumes().items()
    }
    return segmented(contents), nib.Nifti1Image.from_bytes(contents[Modality.T1CE])


OBLIQUE = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.1, 0.2, 0.3), [-91.3, 12.7, 4.1])


@pytest.mark.parametrize(("sform", "qform"), [(OBLIQUE, None), (None, OBLIQUE), (OBLIQUE, OBLIQUE)])
def test_the_label_map_has_the_exams_geometry_bit_for_bit(sform, qform):
    outcome, sent = outcome_of(sform, qform)
    answer = nib.Nifti1Image.from_bytes(gzip.decompress(outcome.label_map))
    assert answer.shape == sent.shape
    np.testing.assert_array_equal(answer.affine, sent.affine)
    for field in ("sform_code", "qform_code", "pixdim", "quatern_b", "qoffset_x", "srow_x"):
        np.testing.assert_array_equal(answer.header[field], sent.header[field])
    assert not any(finding.rule is FindingRule.LEFT_RIGHT for finding in outcome.findings)


def test_an_exam_without_orientation_is_warned_of():
    outcome, _ = outcome_of(None, None)
    assert any(finding.rule is FindingRule.LEFT_RIGHT for finding in outcome.findings)


@pytest.mark.parametrize("asked", LabelScheme)
@pytest.mark.parametrize("sent", LabelScheme)
def test_regions_survive_any_pair_of_label_schemes(sent, asked):
    """Out under one scheme, in again as a reference under it, out under another: always the same regions."""
    files = exam_files()
    first = segmented(files, label_scheme=sent)
    again = segmented({**files, MaskRole.REFERENCE: first.label_map}, reference_label_scheme=sent, label_scheme=asked)
    assert {one.dsc for one in again.metrics.values()} == {1.0}
    before, after = (
        scheme.to_regions(np.asarray(nib.Nifti1Image.from_bytes(gzip.decompress(one.label_map)).dataobj), field="map")
        for scheme, one in ((sent, first), (asked, again))
    )
    for region in Region:
        assert before[region].any()
        np.testing.assert_array_equal(before[region], after[region])


@pytest.mark.parametrize("output", Modality)
def test_masks_and_reference_lie_on_the_grid_that_is_asked_for(output):
    """All contrasts share a place, but the T2 is stored in another order of axes."""
    files = exam_files()
    t2 = nib.as_closest_canonical(nib.Nifti1Image.from_bytes(gzip.decompress(files[Modality.T2])))
    files[Modality.T2] = t2.to_bytes()
    outcome = segmented(files, output_grid=output)
    answer = nib.Nifti1Image.from_bytes(gzip.decompress(outcome.label_map))
    sent = t2 if output is Modality.T2 else nib.Nifti1Image.from_bytes(gzip.decompress(files[output]))
    np.testing.assert_array_equal(answer.affine, sent.affine)
    again = segmented(
        {**files, MaskRole.REFERENCE: outcome.label_map},
        output_grid=output,
        reference_label_scheme=LabelScheme.BRATS_2018,
    )
    assert {one.dsc for one in again.metrics.values()} == {1.0}


def test_a_reference_on_another_grid_than_the_answer_is_refused():
    files = exam_files()
    small = nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)).to_bytes()
    with pytest.raises(GeometryError, match="reference: must lie on the grid of t2"):
        segmented(
            {**files, MaskRole.REFERENCE: small},
            output_grid=Modality.T2,
            reference_label_scheme=LabelScheme.BRATS_2018,
        )


def test_every_fault_of_every_file_is_told_at_once():
    files = exam_files()
    files[Modality.T1] = files[Modality.T1][:-100]
    files[Modality.FLAIR] = nib.Nifti1Image(np.ones((64, 64, 32), np.int16), np.eye(4)).to_bytes()
    with pytest.raises(CaseRefusedError) as caught:
        segmented(files)
    assert {finding.field for finding in caught.value.findings if finding.refuses} == {"t1", "flair"}
    assert len(str(caught.value).splitlines()) == 2


def test_the_only_unreadable_file_keeps_its_own_error():
    files = exam_files()
    files[Modality.T1] = files[Modality.T1][:-100]
    with pytest.raises(NiftiTruncatedError):
        segmented(files)


def test_a_skull_is_refused_where_no_brain_extraction_is_served():
    rng = np.random.default_rng(1)
    files = {
        modality: nib.Nifti1Image(rng.integers(50, 400, (64, 64, 32)).astype(np.int16), np.eye(4)).to_bytes()
        for modality in Modality
    }
    with pytest.raises(CaseRefusedError) as caught:
        segmented(files)
    assert any(finding.rule is FindingRule.SKULL and finding.refuses for finding in caught.value.findings)
