"""Offline training: data sets, networks, losses, runs, evaluation."""
