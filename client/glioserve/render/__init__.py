"""Pictures and the report of a result. NumPy and Pillow only; nothing in them names a patient or a file."""
