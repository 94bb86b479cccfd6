"""The generators of the four methods, built from one place.

`build_generator` turns the `architecture` entry of a model card into a network; `cost` counts what it costs.
"""

from .architecture import ARCHITECTURES, architecture_of_method, build_generator
from .cost import count_macs, count_parameters, count_slopes

__all__ = [
    "ARCHITECTURES",
    "architecture_of_method",
    "build_generator",
    "count_macs",
    "count_parameters",
    "count_slopes",
]
