"""The server that the user named, and how the way there is encrypted."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

_FORM = re.compile(r"(?P<title>[^@]*)@(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^@:\[\]\s]+):(?P<port>\d{1,5})")


def check_title(title: str) -> str:
    """Return an application entity title without surrounding blanks; raise `InputError` when it cannot be one."""
    title = title.strip()
    if not 1 <= len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise InputError(f"'{title}' is no AE title; give 1 to 16 ASCII characters without a backslash.")
    return title


@dataclass(frozen=True)
class Target:
    """A DICOM server."""

    title: str  #: Its application entity title.
    host: str  #: Name or address.
    port: int

    @classmethod
    def of(cls, text: str) -> "Target":
        """Read "AE@HOST:PORT"; an IPv6 address stands in brackets. Raises `InputError` when it is not of that form."""
        match = _FORM.fullmatch(text.strip())
        if not match or not 0 < int(match["port"]) < 65536:
            raise InputError(f"'{text}' names no DICOM server; write AE@HOST:PORT, for example PACS@192.168.1.5:104.")
        return cls(check_title(match["title"]), match["host"].strip("[]"), int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.title}@{host}:{self.port}"


def tls_context(authority: str | Path | None = None, certificate: str | Path | None = None) -> ssl.SSLContext:
    """Return a context that checks the server's certificate and host name.

    Parameters
    ----------
    authority : path, optional
        PEM file with the authority that signed the server's certificate. Default: those the system trusts.
    certificate : path, optional
        PEM file with our certificate and its key, where the server asks for one.

    Raises
    ------
    InputError
        If a file cannot be read as what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"'{authority}' is no PEM file with certificates to trust; give one.") from error
    if certificate:
        try:
            context.load_cert_chain(str(certificate))
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"'{certificate}' is no PEM file with a certificate and its key; give one.") from error
    return context
