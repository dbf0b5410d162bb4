"""The errors of this package."""

from __future__ import annotations


class ExportError(ValueError):
    """A network that can't become a served model. Knows field, rule and what was got; nothing was written."""

    def __init__(self, field: str, rule: str, got: str) -> None:
        super().__init__(f"{field}: {rule}, got {got}")
        self.field = field
        self.rule = rule
        self.got = got


class GraphError(ExportError):
    """The exported graph is not what a server may rely on: operators, names, dtypes, dynamic axes."""


class ParityError(ExportError):
    """The exported graph answers differently from the network it was made of."""


class RepositoryError(ExportError):
    """The model repository can't take the model, e.g. for its size."""


class FactsError(ExportError):
    """A model card lacks a fact that the run or the evaluation should have recorded."""


class DataError(ExportError):
    """Data that are not those which a network was trained on."""


class EngineChoiceError(ExportError):
    """A choice of how a model is run that contradicts itself."""


class TuneError(ExportError):
    """A search for the fastest engine that can't be made, or whose engine fails."""


class RecoveryError(ExportError):
    """A served model of which no training run can be made again."""
