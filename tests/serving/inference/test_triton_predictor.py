"""The predictor over a real Triton."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.regions import Region
from serving.inference.readiness import check_golden
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.launcher import TritonServer

pytestmark = pytest.mark.triton


def test_answers(triton: TritonServer) -> None:
    p = TritonPredictor(triton.address)
    print(check_golden(p))
    print(p.predict(Region.WT, np.zeros((8, 3, 192, 192), np.float32)).shape)
