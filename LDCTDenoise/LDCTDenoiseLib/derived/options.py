"""What the user may choose about a derived series."""

import re
from dataclasses import dataclass

from ..errors import InputError
from ..hounsfield import Window

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

    Attributes
    ----------
    description : str
        The series description; "{description}" stands for that of the source, "{method}" and "{strength}" for how it
        was made. " (research)" is put behind it, and it is cut to the 64 characters that DICOM allows.
    number : str
        The series number: "+1000" adds to that of the source, "905" is the number itself.
    window : Window or None
        The display window to write. None keeps those of the source.
    compression : str
        One of `COMPRESSIONS`; all of them keep every value.
    keep_private : bool
        Keep the private elements of the source, which may speak of its pixels. See docs/dicom.md.

    Raises
    ------
    InputError
        If one of them makes no sense.
    """

    description: str = "{method} {description}"
    number: str = "+1000"
    window: Window | None = None
    compression: str = "none"
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
