"""The standard's codes for what is found, from pydicom's dictionaries of PS3.16.

Category: CID 7150 (SNOMED CT "Morphologically Abnormal Structure"). Types: CID 7159, Lesion Segmentation Types: WT is a
lesion, TC a neoplasm (SNOMED CT), ET an enhancing lesion (NCI Thesaurus). Region of the body: the brain. Algorithm:
CID 7162.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from glioserve.terms import Region

CATEGORY: Code = codes.cid7150.MorphologicallyAbnormalStructure
TYPE: Mapping[Region, Code] = MappingProxyType(
    {
        Region.WT: codes.cid7159.Lesion,
        Region.TC: codes.cid7159.Neoplasm,
        Region.ET: codes.cid7159.EnhancingLesion,
    }
)
BRAIN: Code = codes.SCT.Brain
ALGORITHM: Code = codes.cid7162.ArtificialIntelligence
