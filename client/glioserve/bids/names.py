"""File names in the manner of BIDS: `key-label_key-label_suffix.extension`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

IMAGE_EXTENSIONS = (".nii.gz", ".nii")
_ENTITY = re.compile(r"(?P<key>[a-zA-Z]+)-(?P<label>[a-zA-Z0-9+]+)")


@dataclass(frozen=True)
class BidsName:
    """The name of an image, without its extension.

    Args:
        entities: Labels by key, in the order of the name, `sub` first.
        suffix: What it is, e.g. `T1w`.
    """

    entities: Mapping[str, str]
    suffix: str

    @classmethod
    def parse(cls, file_name: str) -> BidsName | None:
        """The name of a NIfTI file, or None for a file that is none or is named otherwise."""
        extension = next((each for each in IMAGE_EXTENSIONS if file_name.endswith(each)), None)
        if extension is None:
            return None
        *parts, suffix = file_name.removesuffix(extension).split("_")
        matched = [_ENTITY.fullmatch(part) for part in parts]
        entities = {each["key"]: each["label"] for each in matched if each is not None}
        if len(entities) != len(parts) or next(iter(entities), None) != "sub" or not suffix.isalnum():
            return None
        return cls(entities, suffix)

    @property
    def run(self) -> int:
        """Which repetition it is; 0 where the name does not say, or says it otherwise than as a number."""
        label = self.entities.get("run", "0")
        return int(label) if label.isdecimal() else 0

    def without(self, *keys: str) -> str:
        """The name without some of its entities."""
        return "_".join([*(f"{key}-{label}" for key, label in self.entities.items() if key not in keys), self.suffix])

    def derived(self, entities: str, suffix: str) -> str:
        """The name of something made of it: its own entities, further ones, another suffix.

        Args:
            entities: To be added, e.g. `space-orig_label-WT`, in BIDS's order.
            suffix: E.g. `mask`.
        """
        own = "_".join(f"{key}-{label}" for key, label in self.entities.items())
        return f"{own}_{entities}_{suffix}"
