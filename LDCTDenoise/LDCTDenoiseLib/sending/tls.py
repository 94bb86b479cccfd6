"""Encryption of the connection to a DICOM server."""

import ssl
from pathlib import Path

from ..errors import InputError


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
