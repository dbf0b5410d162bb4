"""Phantom exams: glioma MRI for people with no data, grown from a seed on a public average brain."""
