import base64
import hashlib
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imaging.modality import Modality
from training.errors import TrainingError
from training.reader_study import StudyItem, Truth, load_key, make_kit
from training.reader_study.picture import display_pngs

PNG_SIGNATURE_BYTES = 8


def study_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="study">(.*?)</script>', page, re.DOTALL)[1])


def png_of(item: dict) -> bytes:
    return base64.b64decode(item["image"].removeprefix("data:image/png;base64,"))


def chunks_of(png: bytes) -> list[bytes]:
    names, at = [], PNG_SIGNATURE_BYTES
    while at < len(png):
        names.append(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4])
    return names


def page_and_key(folder):
    return (folder / "index.html").read_text(encoding="utf-8"), load_key(folder / "key.json")


def flipped(item: StudyItem) -> StudyItem:
    return replace(item, truth=Truth.REAL if item.truth is Truth.SYNTHETIC else Truth.SYNTHETIC)


def test_page_is_the_same_whatever_the_truth(make_items, tmp_path):
    items = make_items(Modality.T1, Modality.T2)
    one = make_kit(items, tmp_path / "one", seed=1, title="Study")
    other = make_kit([flipped(item) for item in items], tmp_path / "other", seed=1, title="Study")
    assert (tmp_path / "one/index.html").read_bytes() == (tmp_path / "other/index.html").read_bytes()
    assert list(one.items) == list(other.items)
    assert all(one.items[item].truth is not other.items[item].truth for item in one.items)


def test_page_knows_of_a_slice_its_name_its_modality_and_its_picture(kit):
    page, key = page_and_key(kit)
    study = study_of(page)
    assert study.keys() == {"study_id", "format", "best_score", "items"}
    assert [item["id"] for item in study["items"]] == list(key.items)
    for item in study["items"]:
        assert item.keys() == {"id", "modality", "weighting", "image"}
        assert item["modality"] == key.items[item["id"]].modality.value.upper()
        assert page.count(item["id"]) == 1
    for word in ("truth", "seed", "key.json"):
        assert word not in page.lower()


def test_pictures_tell_nothing_by_size_or_metadata(kit):
    pictures = [png_of(item) for item in study_of(page_and_key(kit)[0])["items"]]
    assert len({len(picture) for picture in pictures}) == 1
    assert {tuple(chunks_of(picture)) for picture in pictures} == {(b"IHDR", b"IDAT", b"IEND")}


def test_a_flat_picture_is_as_long_as_a_noisy_one():
    noise = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    one, other = display_pngs([noise, np.zeros_like(noise)])
    assert len(one) == len(other)


def test_key_says_what_each_picture_is(make_items, tmp_path):
    items = make_items(Modality.T1CE)
    make_kit(items, tmp_path, seed=9, title="Study")
    page, key = page_and_key(tmp_path)
    truth_of = dict(zip(display_pngs([item.image for item in items]), [item.truth for item in items], strict=True))
    assert [key.items[item["id"]].truth for item in study_of(page)["items"]] == [
        truth_of[png_of(item)] for item in study_of(page)["items"]
    ]


def test_patients_right_is_on_the_left_and_anterior_is_up():
    image = np.full((40, 30), 0.2, dtype=np.float32)
    image[39, 29] = 1  # the patient's right, in front
    pixels = np.asarray(Image.open(io.BytesIO(display_pngs([image])[0])))
    assert pixels.shape == (30, 40)
    assert pixels[0, 0] == 255
    assert np.all(pixels.ravel()[1:] == 51)


def test_pictures_lose_the_border_that_is_black_in_all_of_them():
    one, other = np.zeros((2, 60, 60), dtype=np.float32)
    one[20, 30] = other[29, 30] = 1
    shapes = {Image.open(io.BytesIO(png)).size for png in display_pngs([one, other])}
    assert shapes == {(10 + 2 * 6, 1 + 2 * 6)}


def test_same_seed_gives_the_same_bytes_and_another_one_does_not(make_items, tmp_path):
    items = make_items(Modality.FLAIR, Modality.T1)
    for folder, seed in (("one", 4), ("same", 4), ("other", 5)):
        make_kit(items, tmp_path / folder, seed=seed, title="Study")
    for name in ("index.html", "key.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "same" / name).read_bytes()
    one, other = (load_key(tmp_path / folder / "key.json") for folder in ("one", "other"))
    assert not one.items.keys() & other.items.keys()
    assert [item.truth for item in one.items.values()] != [item.truth for item in other.items.values()]
    assert one.study_id != other.study_id


@given(seed=st.integers(0, 2**32))
def test_order_is_a_permutation(seed, make_items, tmp_path_factory):
    items = make_items(Modality.T1, Modality.T2)
    key = make_kit(items, tmp_path_factory.mktemp("kit"), seed=seed, title="Study")
    assert sorted((each.modality, each.truth) for each in key.items.values()) == sorted(
        (item.modality, item.truth) for item in items
    )


def test_policy_lets_nothing_run_or_load_but_what_is_in_the_page(kit):
    page, _ = page_and_key(kit)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for kind, directive in (("style", "style-src"), ("script", "script-src")):
        inline = re.search(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "http:" not in page
    assert "https:" not in page
    assert "innerHTML" not in page


def test_title_is_text(make_items, tmp_path):
    make_kit(make_items(Modality.T1), tmp_path, seed=0, title="</title><script>alert(1)</script>$count")
    page, _ = page_and_key(tmp_path)
    assert "<script>alert" not in page
    assert page.count("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;$count") == 2


def test_a_study_is_not_written_over_by_another(make_items, kit):
    items = make_items(Modality.T1, Modality.FLAIR, synthetic=3)
    before = (kit / "key.json").read_bytes()
    make_kit(items, kit, seed=5, title="Two contrasts")
    with pytest.raises(TrainingError, match=r"out: must hold no other study"):
        make_kit(items, kit, seed=6, title="Two contrasts")
    with pytest.raises(TrainingError, match=r"out: must hold no other study"):
        make_kit([flipped(item) for item in items], kit, seed=5, title="Two contrasts")
    assert (kit / "key.json").read_bytes() == before


def test_studies_that_would_tell_the_truth_or_ask_nothing_are_refused(make_items, tmp_path):
    items = make_items(Modality.T1)
    larger = StudyItem(Modality.T1, Truth.REAL, np.zeros((30, 30), dtype=np.float32))
    for wrong, rule in (
        ([], "items: must be slices of one shape"),
        ([*items, larger], "items: must be slices of one shape"),
        (items[:2], "items: must hold synthetic slices of t1, got none"),
        (items[2:], "items: must hold real slices of t1, got none"),
        ([*items, flipped(items[0])], "items: must be shown once each, got 1 shown again"),
    ):
        with pytest.raises(TrainingError, match=rule):
            make_kit(wrong, tmp_path / "kit", seed=0, title="Study")
    with pytest.raises(TrainingError, match="title: must say what is read"):
        make_kit(items, tmp_path / "kit", seed=0, title=" ")
    assert not (tmp_path / "kit").exists()


@pytest.mark.parametrize(
    ("image", "rule"),
    [
        (np.zeros((4, 4, 1), dtype=np.float32), "must have 2 axes"),
        (np.zeros((0, 4), dtype=np.float32), "must have 2 axes"),
        (np.zeros((4, 4)), "must be float32, got float64"),
        (np.full((4, 4), 1.5, dtype=np.float32), "must lie within 0 and 1"),
        (np.full((4, 4), -0.1, dtype=np.float32), "must lie within 0 and 1"),
        (np.full((4, 4), np.nan, dtype=np.float32), "must lie within 0 and 1, got nan"),
    ],
)
def test_images_of_another_kind_are_refused(image, rule):
    with pytest.raises(TrainingError, match=f"image: {rule}"):
        StudyItem(Modality.T1, Truth.REAL, image)
