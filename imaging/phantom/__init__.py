"""Phantom exams: glioma MRI for people with no data, grown from a seed on a public average brain."""

from imaging.phantom.errors import PhantomError
from imaging.phantom.lesion import Enhancement, LesionPlan
from imaging.phantom.phantom import Phantom, make_phantom
from imaging.phantom.write import write_phantom

__all__ = ["Enhancement", "LesionPlan", "Phantom", "PhantomError", "make_phantom", "write_phantom"]
