"""From a checkpoint to a verified Triton model repository."""
