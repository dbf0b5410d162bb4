"""Where a cohort is written: a folder of this machine, or a prefix of an object store."""

from serving.batch.storage.errors import MissingFileError, StorageError
from serving.batch.storage.folder import OutputFolder, open_folder

__all__ = ["MissingFileError", "OutputFolder", "StorageError", "open_folder"]
