"""Brain maps: what the Augmentation Network draws from, and how lesions are moved, resized and reshaped in them."""
