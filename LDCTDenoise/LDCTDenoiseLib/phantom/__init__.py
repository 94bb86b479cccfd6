"""A numerical abdomen that needs no download: organs, vessels, lesions, without noise."""

from .abdomen import abdomen_phantom

__all__ = ["abdomen_phantom"]
