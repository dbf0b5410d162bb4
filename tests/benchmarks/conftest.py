import pytest

from export.unet_graph import export_unet
from tests.export.tiny import lively_unet

CHANNELS = 4


@pytest.fixture(scope="session")
def graph():
    """A small U-Net of four channels as it is exported; exporting takes seconds."""
    return export_unet(lively_unet(CHANNELS), channels=CHANNELS)
