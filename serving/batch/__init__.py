"""Synthetic cohorts: a declarative spec in, a folder of labelled cases out."""
