"""A real Triton Inference Server on this machine: its environment, its backend, its process."""
