"""What every parity report has: what was allowed, and whether what was found keeps to it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Generic, TypeVar

from export.errors import ParityError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Bounds = TypeVar("Bounds", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class GateReport(Generic[Bounds]):
    """A comparison of a network with its exported graph. Its kinds add what was found, named as in the bounds.

    Args:
        bounds: The largest value allowed of each figure.
        source: What both were shown, for the reader.
        torch_version: Of the network's side.
        onnxruntime_version: Of the graph's side.
    """

    bounds: Bounds
    source: str
    torch_version: str
    onnxruntime_version: str

    @property
    def faults(self) -> tuple[str, ...]:
        """The bounds that are passed, by name. A value that is not a number passes every bound."""
        names = (field.name for field in fields(self.bounds))
        return tuple(name for name in names if not getattr(self, name) <= getattr(self.bounds, name))

    def to_json(self) -> str:
        """The report as indented JSON, keys sorted."""
        return json.dumps(asdict(self) | {"passed": not self.faults}, indent=2, sort_keys=True) + "\n"

    def require(self) -> None:
        """Do nothing where every bound is kept.

        Raises:
            ParityError: One is not.
        """
        for name in self.faults:
            raise ParityError(name, f"must be at most {getattr(self.bounds, name):g}", f"{getattr(self, name):.3g}")
