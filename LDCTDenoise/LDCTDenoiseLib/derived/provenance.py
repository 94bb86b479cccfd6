"""How an image was made, in the words that DICOM keeps of it."""

from dataclasses import dataclass

from .. import __version__

#: The manufacturer among the contributing equipment, by which a series is known to be made here.
MANUFACTURER = "LDCTDenoise"

#: The notice goes into the headers, never into the pixels.
NOTICE = "Research use only, not for diagnosis"


@dataclass(frozen=True)
class Provenance:
    """What made the values of a series.

    Attributes
    ----------
    method : str
        The method's name, such as "DCSCN".
    strength : float
        0 (the source) to 1 (the method's full correction).
    device : str
        Where it ran, in words.
    model_sha256 : str
        Of the model file; empty for a method without one.
    hu_range : str
        What the network saw as its range; empty for a method without one.
    version : str
        Of this software.
    """

    method: str
    strength: float
    device: str
    model_sha256: str = ""
    hu_range: str = ""
    version: str = __version__

    @classmethod
    def of_run(cls, run) -> "Provenance":
        """Return the provenance of a finished `engine.DenoiseRun`."""
        denoiser = run.denoiser
        return cls(
            method=denoiser.name,
            strength=float(run.strength),
            device=run.device.words,
            model_sha256=getattr(denoiser, "sha256", ""),
            hu_range=str(getattr(denoiser, "hu_range", "")),
        )

    @property
    def words(self) -> str:
        """Everything in one line of ASCII, which every character set of DICOM holds; at most 600 characters."""
        parts = [
            f"LDCTDenoise {self.version}",
            f"method {self.method}",
            f"model SHA-256 {self.model_sha256}" if self.model_sha256 else "",
            f"HU range {self.hu_range.removesuffix(' HU')}" if self.hu_range else "",
            f"strength {self.strength:g}",
            f"device {self.device}",
        ]
        return plain("; ".join(part for part in parts if part))[:600]


def plain(text: str) -> str:
    """Return a text in printable ASCII; a backslash would divide it into several values."""
    return "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
