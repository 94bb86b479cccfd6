"""Send finished series in a thread of its own, so that a slow server never holds up the computing."""

import threading
import time
from collections import deque
from collections.abc import Callable

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
        self._waiting: deque[Task] = deque()
        self._something = threading.Event()
        self._closing = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="send queue", daemon=True)
        self._thread.start()

    def put(self, task: Task) -> None:
        """Take a finished series."""
        self._waiting.append(task)
        self._something.set()

    def finish(self) -> None:
        """Take nothing more; end when all is sent."""
        self._closing.set()
        self._something.set()

    def stop(self) -> None:
        """End after the image that is under way."""
        self._stopped.set()
        self._sender.stop()
        self.finish()
        self._thread.join()

    @property
    def is_at_work(self) -> bool:
        return self._thread.is_alive()

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._something.clear()
            busy = [task for task in self._take_all() if not self._deliver(task)]
            self._waiting.extend(busy)
            if busy:  # another process sends them, or has died and leaves them to us
                self._stopped.wait(_POLL)
            elif not self._waiting:
                if self._closing.is_set():
                    return
                self._something.wait()

    def _take_all(self):
        for _ in range(len(self._waiting)):
            if not self._stopped.is_set():
                yield self._waiting.popleft()

    def _deliver(self, task: Task) -> bool:
        """Send one series; return False while another process holds it."""
        claim = self._ledger.claim(task.series.key)
        if claim is None:
            return False
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
        return True

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
