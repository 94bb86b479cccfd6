"""Store DICOM files on a server: C-ECHO to see whether it is there, C-STORE, and patience with what may pass."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import SendError
from ..requirements import require
from ..volumes.quiet import quiet_pydicom
from .server import Target, check_title

#: The application entity title that the server sees, where the user names no other.
DEFAULT_TITLE = "LDCTDENOISE"

#: Seconds to wait before each further attempt. They begin anew whenever a file has arrived.
WAITS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

_CONNECT_SECONDS, _ANSWER_SECONDS = 15, 120

# DICOM PS3.7 annex C and PS3.4 B.2.3: refused for want of resources, and "processing failure", may pass.
_PASSING = (*range(0xA700, 0xA800), 0x0110)
# The very instance is there already: what we want.
_DUPLICATE = 0x0111
_REJECTED_TRANSIENT = 2


class _Passing(Exception):
    """Something that may be better in a moment."""


@dataclass(frozen=True)
class _File:
    path: Path
    uid: str
    sop_class: str
    syntax: str


@dataclass(frozen=True)
class Sent:
    """What came of one call of `Sender.send`: how many files arrived, were left out as sent before, and remarks."""

    files: int
    before: int
    remarks: tuple[str, ...] = ()


class Sender:
    """A connection to one server; may be called from one thread at a time.

    Parameters
    ----------
    target : Target
        Where to, and the only address that is ever connected to.
    title : str
        The AE title of this side.
    tls : ssl.SSLContext, optional
        Encrypt with this context; see `tls_context`.
    waits : sequence of float
        Seconds before each further attempt.

    Raises
    ------
    MissingDependencyError
        If pynetdicom is not installed.
    """

    def __init__(self, target: Target, title: str = DEFAULT_TITLE, tls=None, waits: Iterable[float] = WAITS):
        require("pynetdicom", "send DICOM files")
        # Its remarks may quote data sets; what matters is raised here.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
        self.target = target
        self.title = check_title(title)
        self._tls = tls
        self._waits = tuple(waits)
        self._stopped = threading.Event()
        self._given_up = False

    def stop(self) -> None:
        """End what another thread is sending, after the file that is under way."""
        self._stopped.set()

    def echo(self) -> None:
        """Ask the server whether it is there (C-ECHO).

        Raises
        ------
        SendError
            If it cannot be reached, does not know us, or does not answer.
        """

        def ask() -> None:
            association = self._associate([])
            try:
                status = association.send_c_echo()
            finally:
                association.release()
            if "Status" not in status:
                raise _Passing("it did not answer C-ECHO")
            if status.Status != 0:
                raise SendError(f"'{self.target}' answered C-ECHO with the status 0x{status.Status:04X}.")

        self._patiently(ask, self._waits[:2])

    def send(
        self, files: Iterable[Path], before: Collection[str] = (), arrived: Callable[[str], None] | None = None
    ) -> Sent:
        """Store files on the server, in the order given.

        Parameters
        ----------
        files : iterable of Path
            DICOM files.
        before : collection of str
            SOP Instance UIDs that were sent before and are left out.
        arrived : callable, optional
            Called with the SOP Instance UID of each file that the server has taken.

        Returns
        -------
        Sent

        Raises
        ------
        SendError
            If the server stays out of reach, refuses a file, or the sending is stopped.
        """
        with quiet_pydicom():
            described = [_describe(Path(path)) for path in files]
        waiting = [file for file in described if file.uid not in before]
        count, remarks = len(waiting), []

        def store_all() -> None:
            association = self._associate(waiting)
            try:
                while waiting:
                    if self._stopped.is_set():
                        raise SendError(f"sending to '{self.target}' was stopped.")
                    if remark := self._store(association, waiting[0]):
                        remarks.append(remark)
                    if arrived:
                        arrived(waiting[0].uid)
                    del waiting[0]
                    self._given_up = False
            finally:
                association.release()

        if waiting:
            # A server that was out of reach for a whole series is asked once for the next, not waited for again.
            waits = () if self._given_up else self._waits
            self._given_up = True
            self._patiently(store_all, waits, progress=lambda: len(waiting))
        return Sent(count, len(described) - count, tuple(remarks))

    def _patiently(self, work: Callable[[], None], waits: tuple[float, ...], progress=lambda: 0) -> None:
        """Do work, and again after each wait while what stops it may pass."""
        tried, before = 0, progress()
        while True:
            try:
                return work()
            except _Passing as error:
                if progress() != before:
                    tried, before = 0, progress()
                if tried == len(waits):
                    raise SendError(
                        f"cannot send to '{self.target}': {error}. Check address, AE titles and network, then run the "
                        "same command again; what arrived is not sent twice."
                    ) from error
                if self._stopped.wait(waits[tried]):
                    raise SendError(f"sending to '{self.target}' was stopped.") from error
                tried += 1

    def _associate(self, files: list[_File]):
        pynetdicom = require("pynetdicom")
        from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

        entity = pynetdicom.AE(ae_title=self.title)
        entity.connection_timeout, entity.acse_timeout = _CONNECT_SECONDS, _CONNECT_SECONDS
        entity.dimse_timeout = entity.network_timeout = _ANSWER_SECONDS
        entity.add_requested_context(pynetdicom.sop_class.Verification)
        plain = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
        for sop_class in dict.fromkeys(file.sop_class for file in files):
            entity.add_requested_context(sop_class, plain)
        contexts = list(entity.requested_contexts)
        # As stored, where the server takes that; a context of its own, or the server could choose another for it.
        compressed = dict.fromkeys((f.sop_class, f.syntax) for f in files if f.syntax not in plain)
        contexts += [pynetdicom.build_context(*pair) for pair in compressed]
        tls = (self._tls, self.target.host) if self._tls else None
        self._resolve()
        association = entity.associate(
            self.target.host, self.target.port, contexts=contexts, ae_title=self.target.title, tls_args=tls
        )
        if association.is_established:
            return association
        if association.is_rejected:
            answer = association.acceptor.primitive
            if answer.result == _REJECTED_TRANSIENT:
                raise _Passing("it is busy and rejects connections for now")
            raise SendError(
                f"'{self.target}' rejects us: {answer.reason_str.lower()}. Is its AE title '{self.target.title}', and "
                f"does it know ours, '{self.title}'?"
            )
        if self._tls:
            self._require_trust()
        raise _Passing("nothing answers there as a DICOM server" + (" with TLS" if self._tls else ""))

    def _resolve(self) -> None:
        """Raise `SendError` when the server's name stands for no address: pynetdicom would raise anything."""
        try:
            socket.getaddrinfo(self.target.host, self.target.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:  # no name server answers, which may pass
                raise _Passing(f"the address of '{self.target.host}' cannot be looked up just now") from error
            raise SendError(
                f"cannot send to '{self.target}': there is no host '{self.target.host}'; check the name or the network."
            ) from error
        except (UnicodeError, ValueError) as error:
            raise SendError(f"cannot send to '{self.target}': '{self.target.host}' is no name of a host.") from error

    def _require_trust(self) -> None:
        """Raise `SendError` when the server shows a certificate that is not to be trusted, which pynetdicom hides."""
        try:
            with socket.create_connection((self.target.host, self.target.port), _CONNECT_SECONDS) as plain:
                self._tls.wrap_socket(plain, server_hostname=self.target.host).close()
        except ssl.SSLCertVerificationError as error:
            raise SendError(
                f"the certificate of '{self.target}' is not trusted: {error.verify_message}. Give the authority that "
                "signed it with --send-tls CA.pem, and the host name that it is for."
            ) from error
        except (OSError, ssl.SSLError):
            return  # it does not answer, or not with TLS

    def _store(self, association, file: _File) -> str:
        """Store one file; return a remark, or an empty string."""
        import pydicom
        from pynetdicom.status import code_to_category

        accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
        if file.sop_class not in {sop_class for sop_class, _ in accepted}:
            raise SendError(f"'{self.target}' does not take images of the class {_class_name(file.sop_class)}.")
        with quiet_pydicom():
            dataset = pydicom.dcmread(file.path)
            if (file.sop_class, file.syntax) not in accepted and dataset.file_meta.TransferSyntaxUID.is_compressed:
                # The compressions written here are lossless: the same image, so the same UID.
                dataset.decompress(generate_instance_uid=False)
            try:
                status = association.send_c_store(dataset)
            except RuntimeError as error:  # the association ended before
                raise _Passing("the connection broke off") from error
            except ValueError as error:
                raise SendError(f"'{file.path.name}' cannot be sent to '{self.target}' in a form it takes.") from error
        if "Status" not in status:
            raise _Passing("the connection broke off, or there was no answer in time")
        code = status.Status
        category = code_to_category(code)
        if category == "Success" or code == _DUPLICATE:
            return ""
        if category == "Warning":
            return f"'{self.target}' took '{file.path.name}' with the warning 0x{code:04X}"
        if code in _PASSING:
            raise _Passing(f"it refused '{file.path.name}' for now with the status 0x{code:04X}")
        raise SendError(f"'{self.target}' refused '{file.path.name}' with the status 0x{code:04X}.")


def _describe(path: Path) -> _File:
    from pydicom.filereader import read_file_meta_info

    try:
        meta = read_file_meta_info(path)
        return _File(
            path, str(meta.MediaStorageSOPInstanceUID), str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
        )
    except OSError as error:
        raise SendError(f"cannot read '{path.name}' to send it: {error.strerror or error}.") from error
    except Exception as error:  # noqa: BLE001 - a damaged header makes pydicom raise whatever its parser stumbles over
        raise SendError(f"cannot send '{path.name}': it is no whole DICOM file.") from error


def _class_name(uid: str) -> str:
    from pydicom.uid import UID

    return UID(uid).name
