"""A numerical abdomen that needs no download: organs, vessels, lesions of known contrast, without noise."""

from .abdomen import abdomen_phantom

__all__ = ["abdomen_phantom"]
