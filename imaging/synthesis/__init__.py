"""Synthetic cases: from a source of brain maps and an edit to a labelled exam."""
