"""A real DICOM server in a thread: takes C-ECHO and C-STORE on a free port of this machine."""

import socket
import threading
from contextlib import contextmanager
from io import BytesIO

import pydicom
from pydicom.uid import UncompressedTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification

TITLE = "TESTPACS"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """What a server was sent, and how it answers.

    `statuses` are the answers to the next C-STOREs, 0 (success) after that; `aborts` the numbers of C-STOREs, from 1,
    on which the association is aborted without an answer.
    """

    def __init__(self):
        self.port = 0
        self.datasets, self.titles, self.echoes, self.stores = [], set(), 0, 0
        self.statuses, self.aborts = [], set()
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"{TITLE}@127.0.0.1:{self.port}"

    @property
    def uids(self) -> list[str]:
        return [str(dataset.SOPInstanceUID) for dataset in self.datasets]

    def echo(self, event):
        self.echoes += 1
        self.titles.add(event.assoc.requestor.ae_title)
        return 0

    def store(self, event):
        with self._lock:
            self.stores += 1
            number, status = self.stores, self.statuses.pop(0) if self.statuses else 0
            if number in self.aborts:
                event.assoc.abort()
                return 0
            if status in (0, 0xB000):
                file = BytesIO(event.encoded_dataset())
                self.datasets.append(pydicom.dcmread(file))
            return status


@contextmanager
def serving(port: int = 0, syntaxes=tuple(UncompressedTransferSyntaxes), classes=None, tls=None, known=()):
    """Run a server; `known` are the AE titles it accepts (all, when empty), `classes` the SOP classes it takes."""
    server = Server()
    entity = AE(ae_title=TITLE)
    entity.add_supported_context(Verification)
    for context in AllStoragePresentationContexts:
        if classes is None or context.abstract_syntax in classes:
            entity.add_supported_context(context.abstract_syntax, list(syntaxes))
    entity.require_calling_aet = list(known)
    entity.require_called_aet = True
    server.port = port or free_port()
    handlers = [(evt.EVT_C_ECHO, server.echo), (evt.EVT_C_STORE, server.store)]
    running = entity.start_server(("127.0.0.1", server.port), block=False, evt_handlers=handlers, ssl_context=tls)
    try:
        yield server
    finally:
        running.shutdown()
