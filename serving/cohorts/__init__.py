"""Cohorts as jobs over gRPC: submitted, watched, cancelled; the work itself is `serving.batch`."""
