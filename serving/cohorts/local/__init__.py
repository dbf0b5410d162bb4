"""Cohorts as jobs of this machine: one folder each, worked on by processes of their own."""
