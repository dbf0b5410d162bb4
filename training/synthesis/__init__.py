"""The Augmentation Network: from brain maps to MR images (paper, section 2.3)."""
