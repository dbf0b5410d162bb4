"""Label maps into DICOM segmentations: the same voxels in the same place, coded, and valid whatever was found."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pytest
from glioserve import LabelMap, LabelScheme, LocalInputError, Modality, ModelInfo, Region, SegmentationResult
from glioserve.dicom import Choice, choose_series, read_study, write_nifti, write_seg
from pydicom import config, dcmread
from pydicom.dataset import FileDataset
from pydicom.sr.codedict import codes

from tests.client.dicom.answers import lesion
from tests.client.dicom.reading import by_position
from tests.client.dicom.studies import AS_ACQUIRED, NUMBERS, PATIENT_ID, Writer, axial, head, oblique
from tests.client.dicom.validator import DCIODVFY, faults

DIGESTS = {region: f"{number}" * 64 for number, region in enumerate(Region)}
FOUND = {"everything": {}, "no enhancing tumour": {"et": False}}


def result_of(label_map: LabelMap) -> SegmentationResult:
    models = tuple(ModelInfo(f"unet_{region}", "3", DIGESTS[region], region, ("t1",)) for region in Region)
    return SegmentationResult(label_map, (), (), None, None, (), models, (), (), "9.8.7", "triton")


def label_map(choice: Choice, labels: np.ndarray, folder: Path) -> LabelMap:
    write_nifti(choice.series[Modality.T1CE], folder / "t1ce.nii")
    affine = nib.load(folder / "t1ce.nii").affine
    return LabelMap(gzip.compress(nib.Nifti1Image(labels, affine).to_bytes()), LabelScheme.BRATS_2018)


def written(choice: Choice, labels: np.ndarray, folder: Path) -> tuple[hd.seg.Segmentation, Path]:
    source = choice.series[Modality.T1CE]
    others = [series for modality, series in choice.series.items() if modality is not Modality.T1CE]
    found = label_map(choice, labels, folder)
    write_seg(found, source, folder / "seg.dcm", result=result_of(found), others=others)
    return hd.seg.segread(folder / "seg.dcm"), folder / "seg.dcm"


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
@pytest.mark.parametrize("affine", [axial(), oblique()], ids=["axial", "oblique"])
def test_every_voxel_is_in_its_place(tmp_path: Path, affine: np.ndarray, enhanced: bool) -> None:
    Writer(tmp_path / "in").exam(affine=affine, enhanced=enhanced)
    choice = choose_series(read_study(tmp_path / "in"))
    labels = lesion((24, 20, 12))
    segmentation, _ = written(choice, labels, tmp_path)
    found = by_position(segmentation, labels.shape, affine)
    for number, region in enumerate(Region):
        expected = np.isin(labels, sorted(LabelScheme.BRATS_2018.region_labels[region]))
        assert np.array_equal(found[..., number], expected)


@pytest.mark.parametrize("depth", [9, 40, 400])
def test_sequences_in_sequences_take_no_memory(tmp_path: Path, depth: int) -> None:
    """What is said of the error in the innermost would be longer than any memory."""
    tag = b"\x10\x00\x01\x22"  # PatientSpeciesCodeSequence
    body = b"\x18\x00\x88\x00DS\x14\x00" + b"no number at all, no."[:20]
    for _ in range(depth):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(body)) + body
        body = tag + b"SQ\0\0" + struct.pack("<I", len(item)) + item
    Writer(tmp_path / "in").exam()
    for path in (tmp_path / "in" / f"s{NUMBERS[Modality.T1CE]}").rglob("*.dcm"):
        content = path.read_bytes()
        after = content.index(b"\x18\x00\x20\x00CS")  # ScanningSequence, the first of its group
        path.write_bytes(content[:after] + body + content[after:])
    choice = choose_series(read_study(tmp_path / "in"))
    with pytest.raises(LocalInputError, match="source: must nest sequences at most 8 deep, got deeper"):
        written(choice, lesion((24, 20, 12)), tmp_path)


def test_frames_in_no_order(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "in")
    order = [3, 0, 11, 7, 1, 2, 10, 9, 4, 5, 8, 6]
    for modality, acquired in AS_ACQUIRED.items():
        writer.enhanced(head(modality), acquired, NUMBERS[modality], order=order)
    choice = choose_series(read_study(tmp_path / "in"))
    labels = lesion((24, 20, 12))
    segmentation, _ = written(choice, labels, tmp_path)
    (uid,) = [instance for *_, instance in segmentation.get_source_image_uids() if _is_t1ce(instance, tmp_path / "in")]
    frames = segmentation.get_pixels_by_source_frame(uid, list(range(1, 13)), assert_missing_frames_are_empty=True)
    assert np.array_equal(frames[..., 0] > 0, labels.transpose(2, 1, 0)[order] > 0)


def _is_t1ce(instance: str, folder: Path) -> bool:
    return any(
        header.SOPInstanceUID == instance and header.SeriesNumber == NUMBERS[Modality.T1CE]
        for header in (dcmread(path, stop_before_pixels=True) for path in folder.iterdir())
    )


@pytest.mark.parametrize(
    "labels",
    [lesion((24, 20, 12)), lesion((24, 20, 12), et=False), np.zeros((24, 20, 12), np.uint8)],
    ids=["all regions", "no ET", "no tumour"],
)
@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_it_is_valid_whatever_was_found(tmp_path: Path, labels: np.ndarray, enhanced: bool) -> None:
    Writer(tmp_path / "in").exam(affine=oblique(), enhanced=enhanced)
    choice = choose_series(read_study(tmp_path / "in"))
    segmentation, path = written(choice, labels, tmp_path)
    assert segmentation.number_of_segments == 3
    frames_of = {
        int(frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        for frame in segmentation.PerFrameFunctionalGroupsSequence
    }
    assert frames_of == {1, 2, 3}, "viewers stumble over segments without frames"
    volume = segmentation.get_volume(combine_segments=False).array
    assert [int(each) for each in volume.sum(axis=(0, 1, 2))] == [
        int(np.isin(labels, sorted(LabelScheme.BRATS_2018.region_labels[region])).sum()) for region in Region
    ]
    if DCIODVFY is not None:
        assert faults(path) == []


def test_empty_frames_are_left_out_where_that_does_no_harm(tmp_path: Path) -> None:
    Writer(tmp_path / "in").exam()
    choice = choose_series(read_study(tmp_path / "in"))
    segmentation, _ = written(choice, lesion((24, 20, 12)), tmp_path)
    assert int(segmentation.NumberOfFrames) == 7 + 4 + 3


def test_what_it_says(tmp_path: Path) -> None:
    uids = Writer(tmp_path / "in").exam()
    study = read_study(tmp_path / "in")
    segmentation, _ = written(choose_series(study), lesion((24, 20, 12)), tmp_path)
    assert segmentation.PatientID == PATIENT_ID
    assert segmentation.StudyInstanceUID == study.uid
    assert segmentation.FrameOfReferenceUID == study.series[0].frame_of_reference
    assert segmentation.SeriesInstanceUID not in uids.values()
    assert segmentation.SegmentationType == "BINARY"
    assert segmentation.SegmentsOverlap == "YES"
    assert segmentation.ContentDescription == "Research software, not a medical device."
    assert "research use only" in segmentation.SeriesDescription
    assert {each.SeriesInstanceUID for each in segmentation.ReferencedSeriesSequence} == set(uids.values())
    assert len(segmentation.SourceImageSequence) == 48
    kinds = (codes.cid7159.Lesion, codes.cid7159.Neoplasm, codes.cid7159.EnhancingLesion)
    for number, (region, kind) in enumerate(zip(Region, kinds, strict=True), start=1):
        segment = segmentation.get_segment_description(number)
        assert segment.segment_label.endswith(f"({region.name})")
        assert segment.segmented_property_category == codes.SCT.MorphologicallyAbnormalStructure
        assert segment.segmented_property_type == kind
        assert segment.anatomic_regions == [codes.SCT.Brain]
        algorithm = segment.algorithm_identification
        assert (algorithm.name, algorithm.version) == ("glioserve", "9.8.7")
        assert algorithm.family == codes.cid7162.ArtificialIntelligence
        assert DIGESTS[region] in algorithm[0].AlgorithmParameters
        assert not any(
            digest in algorithm[0].AlgorithmParameters for other, digest in DIGESTS.items() if other != region
        )


def test_a_source_whose_identity_was_removed(tmp_path: Path) -> None:
    def removed(_: int, dataset: FileDataset) -> None:
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
            delattr(dataset, keyword)
        del dataset.StudyDate, dataset.StudyTime, dataset.ReferringPhysicianName, dataset.SliceThickness
        position = [f"{float(each):.17f}" for each in dataset.ImagePositionPatient]
        del dataset.ImagePositionPatient
        with config.disable_value_validation():
            dataset.ImagePositionPatient = position

    writer = Writer(tmp_path / "in")
    for modality, acquired in AS_ACQUIRED.items():
        writer.classic(head(modality), acquired, NUMBERS[modality], affine=oblique(), change=removed)
    segmentation, path = written(choose_series(read_study(tmp_path / "in")), lesion((24, 20, 12)), tmp_path)
    assert segmentation.PatientID in {None, ""}
    assert by_position(segmentation, (24, 20, 12), oblique()).any()
    if DCIODVFY is not None:
        assert faults(path) == []


def test_a_label_map_of_another_grid(tmp_path: Path) -> None:
    Writer(tmp_path / "in").exam()
    choice = choose_series(read_study(tmp_path / "in"))
    source = choice.series[Modality.T1CE]
    for labels, affine in ((np.zeros((20, 24, 12), np.uint8), axial()), (lesion((24, 20, 12)), oblique())):
        wrong = LabelMap(gzip.compress(nib.Nifti1Image(labels, affine).to_bytes()), LabelScheme.BRATS_2018)
        with pytest.raises(LocalInputError, match="label_map: must lie on the grid of its source"):
            write_seg(wrong, source, tmp_path / "seg.dcm", result=result_of(wrong))
    assert not (tmp_path / "seg.dcm").exists()
