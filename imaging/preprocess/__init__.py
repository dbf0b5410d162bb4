"""From an exam to network inputs and back: one implementation for training, serving and evaluation."""
