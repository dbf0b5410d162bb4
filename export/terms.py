"""Under which terms each data set may be used, and what has to be cited."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imaging.brats import BratsNaming

YEARS: Mapping[BratsNaming, str] = MappingProxyType(
    {
        BratsNaming.BRATS_2018: "BraTS 2018 (a naming that the sets of 2017 to 2020 share)",
        BratsNaming.BRATS_2021: "BraTS 2021",
        BratsNaming.BRATS_2023: "BraTS 2023 or 2024",
        BratsNaming.PLAIN: "named otherwise",
    }
)
"""Which year's data a naming stands for."""

_CHALLENGE_2018 = (
    "S. Bakas, M. Reyes, A. Jakab et al., Identifying the Best Machine Learning Algorithms for Brain Tumor "
    "Segmentation, Progression Assessment, and Overall Survival Prediction in the BRATS Challenge, "
    "arXiv:1811.02629 (2018)"
)
_BENCHMARK_2015 = (
    "B. H. Menze, A. Jakab, S. Bauer et al., The Multimodal Brain Tumor Image Segmentation Benchmark (BRATS), IEEE "
    "Transactions on Medical Imaging 34(10), 1993-2024 (2015), doi:10.1109/TMI.2014.2377694"
)
_LABELS_2017 = (
    "S. Bakas, H. Akbari, A. Sotiras et al., Advancing The Cancer Genome Atlas glioma MRI collections with expert "
    "segmentation labels and radiomic features, Scientific Data 4:170117 (2017), doi:10.1038/sdata.2017.117"
)
_BENCHMARK_2021 = (
    "U. Baid, S. Ghodasara, S. Mohan et al., The RSNA-ASNR-MICCAI BraTS 2021 Benchmark on Brain Tumor Segmentation and "
    "Radiogenomic Classification, arXiv:2107.02314 (2021)"
)

_TERMS: Mapping[BratsNaming, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        BratsNaming.BRATS_2018: ("for research, with citation of", (_CHALLENGE_2018, _BENCHMARK_2015, _LABELS_2017)),
        BratsNaming.BRATS_2021: ("CC BY 4.0; cite", (_BENCHMARK_2021,)),
        BratsNaming.BRATS_2023: (
            "the terms of that year's challenge, which whoever passes the weights on must state",
            (),
        ),
        BratsNaming.PLAIN: ("terms unknown; whoever passes the weights on must state them", ()),
    }
)


def describe_terms(cases_by_naming: Mapping[str, int]) -> str:
    """The terms of every data set that was used, as a Markdown list.

    Args:
        cases_by_naming: Exams by the value of `BratsNaming`.
    """
    lines: list[str] = []
    for naming in (naming for naming in BratsNaming if cases_by_naming.get(naming.value)):
        terms, citations = _TERMS[naming]
        lines.append(f"- {YEARS[naming]}, {cases_by_naming[naming.value]} exams: {terms}{':' if citations else '.'}")
        lines += [f"  - {citation}." for citation in citations]
    return "\n".join(lines)
