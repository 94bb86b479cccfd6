"""How a derived series was made, and what the user may choose about it."""

import re
from dataclasses import dataclass

from .. import __version__
from ..errors import InputError
from ..hounsfield import Window

#: The manufacturer among the contributing equipment, by which a series is known to be made here.
MANUFACTURER = "LDCTDenoise"

#: The notice goes into the headers, never into the pixels.
NOTICE = "Research use only, not for diagnosis"


@dataclass(frozen=True)
class Provenance:
    """What made the values of a series."""

    method: str  #: The method's name, such as "DCSCN".
    strength: float  #: 0 (the source) to 1 (the method's full correction).
    device: str  #: Where it ran, in words.
    model_sha256: str = ""  #: Of the model file; empty for a method without one.
    hu_range: str = ""  #: What the network saw as its range; empty for a method without one.
    noise_level: str = ""  #: What the network was told of the scan (`scan.level`); empty for one that reads none.
    version: str = __version__  #: Of this software.
    remarks: tuple[str, ...] = ()  #: What was unusual about the scan, how the strength was chosen.

    @classmethod
    def of_run(cls, run) -> "Provenance":
        """Return the provenance of a finished `engine.DenoiseRun`."""
        denoiser = run.denoiser
        level = getattr(denoiser, "noise_level", None)
        return cls(
            method=denoiser.name,
            strength=float(run.strength),
            device=run.device.words,
            model_sha256=getattr(denoiser, "sha256", ""),
            hu_range=str(getattr(denoiser, "hu_range", "")),
            noise_level="" if level is None else f"{level:.2f}",
            remarks=tuple(run.remarks),
        )

    @property
    def words(self) -> str:
        """Everything in one line of ASCII, which every character set of DICOM holds; at most 600 characters."""
        parts = [
            f"LDCTDenoise {self.version}",
            f"method {self.method}",
            f"model SHA-256 {self.model_sha256}" if self.model_sha256 else "",
            f"HU range {self.hu_range.removesuffix(' HU')}" if self.hu_range else "",
            f"noise level {self.noise_level}" if self.noise_level else "",
            f"strength {self.strength:g}",
            f"device {self.device}",
            *self.remarks,
        ]
        return plain("; ".join(part for part in parts if part))[:600]


def plain(text: str) -> str:
    """Return a text in printable ASCII; a backslash would divide it into several values."""
    return "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)


#: How pixels can be stored, to the name of the transfer syntax in pydicom.
COMPRESSIONS = {"none": "ExplicitVRLittleEndian", "rle": "RLELossless", "jpeg-ls": "JPEGLSLossless"}

#: Ends every series description, also one of the user's.
DESCRIPTION_NOTICE = " (research)"

_FIELDS = {"description": "", "method": "", "strength": ""}
_LARGEST_NUMBER = 2**31 - 1  # of the representation IS
_LONGEST_DESCRIPTION = 64  # of the representation LO


@dataclass(frozen=True)
class SeriesOptions:
    """How a derived series is called, shown and stored.

    Raises
    ------
    InputError
        If one of them makes no sense.
    """

    #: The series description; "{description}" stands for that of the source, "{method}" and "{strength}" for how it was
    #: made. " (research)" is put behind it, and it is cut to the 64 characters that DICOM allows.
    description: str = "{method} {description}"
    #: The series number: "+1000" adds to that of the source, "905" is the number itself.
    number: str = "+1000"
    window: Window | None = None  #: The display window to write. None keeps those of the source.
    compression: str = "none"  #: One of `COMPRESSIONS`; all of them keep every value.
    #: Keep the private elements of the source, which may speak of its pixels. See docs/dicom.md.
    keep_private: bool = False

    def __post_init__(self):
        try:
            self.description.format_map(_FIELDS)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise InputError(
                f"the series description '{self.description}' has braces around something else than "
                f"{', '.join(_FIELDS)}; write for example '{{method}} {{description}}'."
            ) from error
        if not self.description.isprintable() or "\\" in self.description:
            raise InputError("a series description is one line without backslashes.")
        if not re.fullmatch(r"[+]?[0-9]{1,10}", str(self.number)) or int(self.number) > _LARGEST_NUMBER:
            raise InputError(f"the series number '{self.number}' is none; give 905, or +1000 to add to the source's.")
        if self.compression not in COMPRESSIONS:
            raise InputError(f"the compression '{self.compression}' is unknown; choose from {', '.join(COMPRESSIONS)}.")

    def describe(self, source: str, provenance) -> str:
        """Return the description of a series made from one that is described as `source`."""
        fields = {"description": source, "method": provenance.method, "strength": f"{provenance.strength:g}"}
        text = " ".join(self.description.format_map(fields).replace("\\", "/").split())
        return text[: _LONGEST_DESCRIPTION - len(DESCRIPTION_NOTICE)].rstrip() + DESCRIPTION_NOTICE

    def number_from(self, source: int) -> int:
        """Return the number of a series made from one with the number `source`."""
        number = int(self.number)
        return min(source + number, _LARGEST_NUMBER) if str(self.number).startswith("+") else number
