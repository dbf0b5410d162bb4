"""A DICOM node: studies come in by C-STORE, segmentations go out by C-STORE.

Unlike the rest of `serving` it is a caller of the gateway, with the client that hospitals use.
"""
