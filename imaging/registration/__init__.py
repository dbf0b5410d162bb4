"""Rigid registration: the contrasts of an exam brought onto one of them, and refused where that is in doubt."""
