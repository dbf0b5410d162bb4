import json

import pytest

from training.errors import TrainingError
from training.reader_study import Truth, load_answers, load_key
from training.reader_study.answers import check_answers

ITEM = "00000000000000aa"
ANSWER = {
    "judgement": "real",
    "score": 4,
    "comment": "Streaks.",
    "seconds": 12.5,
    "answered_at": "2024-05-06T07:08:09.123Z",
}
DOCUMENT = {"format": "glioserve.reader-answers/1", "study_id": "0123456789ab", "reader": "AB", "items": {ITEM: ANSWER}}


def changed(**parts) -> dict:
    return {**DOCUMENT, **parts}


def answered(**parts) -> dict:
    return changed(items={ITEM: {**ANSWER, **parts}})


@pytest.fixture
def load(tmp_path):
    def run(document):
        text = document if isinstance(document, str) else json.dumps(document)
        (tmp_path / "answers.json").write_text(text, encoding="utf-8")
        return load_answers(tmp_path / "answers.json")

    return run


def test_what_the_page_saves_is_read(load):
    answers = load(DOCUMENT)
    assert answers.items[ITEM].judgement is Truth.REAL
    assert answers.items[ITEM].answered_at.isoformat() == "2024-05-06T07:08:09.123000+00:00"
    assert answers.model_dump(mode="json", exclude={"items"}) == {
        key: value for key, value in DOCUMENT.items() if key != "items"
    }


@pytest.mark.parametrize(
    ("document", "field", "got"),
    [
        ("{", "answers.json", "something else"),
        ([], "answers.json", "a list"),
        (changed(format="glioserve.reader-key/1"), "answers.json: format", "22 characters"),
        (changed(study_id="kit"), "answers.json: study_id", "3 characters"),
        (changed(reader="R" * 25), "answers.json: reader", "25 characters"),
        (changed(truth="real"), "answers.json: truth", "4 characters"),
        (changed(items={"first": ANSWER}), "answers.json: items.first.[key]", "5 characters"),
        (answered(judgement="Real"), f"answers.json: items.{ITEM}.judgement", "4 characters"),
        (answered(judgement=None), f"answers.json: items.{ITEM}.judgement", "None"),
        (answered(score=0), f"answers.json: items.{ITEM}.score", "0"),
        (answered(score=6), f"answers.json: items.{ITEM}.score", "6"),
        (answered(score="4"), f"answers.json: items.{ITEM}.score", "1 characters"),
        (answered(score=3.5), f"answers.json: items.{ITEM}.score", "3.5"),
        (answered(comment="x" * 501), f"answers.json: items.{ITEM}.comment", "501 characters"),
        (answered(seconds=-1), f"answers.json: items.{ITEM}.seconds", "-1"),
        (answered(answered_at="2024-05-06T07:08:09"), f"answers.json: items.{ITEM}.answered_at", "19 characters"),
        (answered(confidence=1), f"answers.json: items.{ITEM}.confidence", "1"),
        ({key: DOCUMENT[key] for key in ("format", "study_id", "items")}, "answers.json: reader", "nothing"),
    ],
)
def test_anything_else_is_refused_by_its_place(load, document, field, got):
    with pytest.raises(TrainingError) as caught:
        load(document)
    assert caught.value.field == field
    assert caught.value.rule
    assert caught.value.got == got


def test_errors_do_not_repeat_what_a_reader_typed(load):
    with pytest.raises(TrainingError) as caught:
        load(answered(comment="Jane Doe " * 100))
    assert "Jane" not in str(caught.value)
    with pytest.raises(TrainingError) as caught:
        load(json.dumps(answered(comment="Jane Doe"))[:-40] + "Jane")
    assert "Jane" not in str(caught.value)


def test_files_that_are_not_there_are_told(tmp_path):
    with pytest.raises(TrainingError, match=r"key\.json: must be a file that can be read, got No such file"):
        load_key(tmp_path / "key.json")
    with pytest.raises(TrainingError, match="must be a file that can be read"):
        load_answers(tmp_path)


def test_answers_are_no_key_and_a_key_is_no_answers(load, kit, tmp_path):
    with pytest.raises(TrainingError, match=r"key\.json: "):
        load_answers(kit / "key.json")
    load(DOCUMENT)
    with pytest.raises(TrainingError, match=r"answers\.json: format"):
        load_key(tmp_path / "answers.json")


def test_answers_must_be_those_of_the_study(kit, make_answers):
    key = load_key(kit / "key.json")
    judgements = dict.fromkeys(key.items, Truth.REAL)
    check_answers(key, make_answers(key.study_id, judgements))
    first = next(iter(key.items))
    for study_id, given, field, got in (
        ("0" * 12, judgements, "study_id", "0" * 12),
        (key.study_id, {**judgements, ITEM: Truth.REAL}, f"items.{ITEM}", "1 that are not"),
        (key.study_id, {item: Truth.REAL for item in key.items if item != first}, f"items.{first}", "1 without"),
    ):
        with pytest.raises(TrainingError) as caught:
            check_answers(key, make_answers(study_id, given))
        assert caught.value.field == field
        assert caught.value.got.startswith(got)
