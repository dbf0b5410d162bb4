import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("pipeline_synthetic", Path(__file__).with_name("synthetic.py"))


@pytest.fixture(scope="session")
def synthetic():
    """The module beside this one."""
    module = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(module)
    return module
