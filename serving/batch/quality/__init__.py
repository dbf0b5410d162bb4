"""`quality.html`: what a cohort came to be, on one page."""

from serving.batch.quality.choice import MONTAGE_CASES, choose_cases
from serving.batch.quality.page import render_quality
from serving.batch.quality.picture import CasePicture, picture_of

__all__ = ["MONTAGE_CASES", "CasePicture", "choose_cases", "picture_of", "render_quality"]
