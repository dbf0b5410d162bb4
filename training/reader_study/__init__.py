"""The blinded reader study of the paper's section 3.1: which slices are real, and which did the network draw?"""

from training.reader_study.answers import Answer, ReaderAnswers, load_answers
from training.reader_study.key import StudyKey, Truth, load_key
from training.reader_study.kit import StudyItem, make_kit
from training.reader_study.score import TableTwo, score_answers
from training.reader_study.table import render_table_two

__all__ = [
    "Answer",
    "ReaderAnswers",
    "StudyItem",
    "StudyKey",
    "TableTwo",
    "Truth",
    "load_answers",
    "load_key",
    "make_kit",
    "render_table_two",
    "score_answers",
]
