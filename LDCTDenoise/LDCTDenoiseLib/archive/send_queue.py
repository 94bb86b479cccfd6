"""Send finished series in a thread of its own, so that a slow server never holds up the computing."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ..sending import Sender
from .ledger import Ledger, Record
from .plan import Task
from .steps import in_words

#: Seconds between two looks at what other processes hold.
_POLL = 1.0


class SendQueue:
    """Sends each series that is put in once, whatever other processes do, and notes every image that has arrived.

    Parameters
    ----------
    ledger : Ledger
    sender : Sender
    done : callable
        Called in the queue's thread with the task and the record of each series that was sent, or could not be.
    """

    def __init__(self, ledger: Ledger, sender: Sender, done: Callable[[Task, Record], None]):
        self._ledger, self._sender, self._done = ledger, sender, done
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(1, "send queue")
        self._taken: list[Future] = []

    def put(self, task: Task) -> None:
        """Take a finished series."""
        self._taken.append(self._pool.submit(self._deliver, task))

    def stop(self) -> None:
        """End after the image that is under way."""
        self._stopped.set()
        self._sender.stop()
        self._pool.shutdown(cancel_futures=True)

    @property
    def is_at_work(self) -> bool:
        return not all(taken.done() for taken in self._taken)

    def _deliver(self, task: Task) -> None:
        """Send one series; one that another process holds comes again at the end, a moment later."""
        if self._stopped.is_set():
            return
        claim = self._ledger.claim(task.series.key)
        if claim is None:  # another process sends it, or has died and leaves it to us
            if not self._stopped.wait(_POLL):
                self.put(task)
            return
        record = None
        try:
            server = str(self._sender.target)
            record = self._ledger.record(task.series.key)
            # Else another process has sent it, or tried to, since the plan was made.
            if record and server not in record.sent and record.sendings == task.sendings:
                self._send(record, server)
                self._ledger.write(record)
                self._done(task, record)
        except OSError as error:
            if record:
                record.send_error = in_words(error)
                self._done(task, record)
        finally:
            claim.release()

    def _send(self, record: Record, server: str) -> None:
        started = time.monotonic()
        record.sendings += 1
        try:
            files = [(self._ledger.root / record.output).parent / name for name in sorted(record.outputs)]
            journal = self._ledger.journal(record.key)
            sent = self._sender.send(files, journal.sent(server), lambda uid: journal.note(server, uid))
            record.notes += sent.remarks
            record.sent.append(server)
            record.send_error = ""
        except Exception as error:  # noqa: BLE001 - one series that cannot be sent must not end the sending
            record.send_error = in_words(error)
        record.seconds_send += time.monotonic() - started
