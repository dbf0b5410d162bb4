"""From one grid to another: intensities and masks."""
