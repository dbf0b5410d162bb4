"""Data sets in the Brain Imaging Data Structure: exams found in one, derivatives written as another."""

from glioserve.bids.choice import Chosen, choose_images
from glioserve.bids.dataset import Dataset, Session
from glioserve.bids.derivatives import Derivatives
from glioserve.bids.outcome import Outcome, SessionReport, session_document
from glioserve.bids.run import segment_sessions

__all__ = [
    "Chosen",
    "Dataset",
    "Derivatives",
    "Outcome",
    "Session",
    "SessionReport",
    "choose_images",
    "segment_sessions",
    "session_document",
]
