"""Synthesis as the gateway and the batch service share it: served generators as painters, and provenance."""
