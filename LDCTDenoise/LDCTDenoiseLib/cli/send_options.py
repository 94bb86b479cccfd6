"""Options of the commands that send DICOM series, and the sender they ask for."""

import argparse
from pathlib import Path

from ..errors import InputError
from ..sending import DEFAULT_TITLE, Journal, Sender, Target
from ..sending.server import tls_context


def add_send_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sending", "Nothing is sent anywhere unless --send names the server.")
    group.add_argument("--send", metavar="AE@HOST:PORT", help="send the DICOM output to this server (C-STORE)")
    group.add_argument(
        "--send-as", default=DEFAULT_TITLE, metavar="AE", help=f"our own AE title (default: {DEFAULT_TITLE})"
    )
    group.add_argument(
        "--send-tls", nargs="?", const="", metavar="CA.pem",
        help="encrypt; the server's certificate must be signed by this authority (default: one the system trusts)",
    )  # fmt: skip
    group.add_argument("--send-certificate", metavar="PEM", help="our certificate with its key, for --send-tls")


def make_sender(arguments: argparse.Namespace) -> Sender | None:
    """Return the sender that was asked for, once its server has answered; None where nothing is to be sent."""
    if not arguments.send:
        if arguments.send_tls is not None or arguments.send_certificate:
            raise InputError("--send-tls and --send-certificate need --send AE@HOST:PORT.")
        return None
    if arguments.send_certificate and arguments.send_tls is None:
        raise InputError("--send-certificate needs --send-tls.")
    tls = None if arguments.send_tls is None else tls_context(arguments.send_tls, arguments.send_certificate)
    sender = Sender(Target.of(arguments.send), arguments.send_as, tls)
    # That the server cannot be reached is found out before minutes of work, not after.
    sender.echo()
    return sender


def send_series(sender: Sender, files: list[Path], folder: str) -> str:
    """Send the files of one series, but for those that arrived before, and return what happened, in words."""
    journal, server = Journal(Path(folder) / ".ldct-denoise-sent"), str(sender.target)
    sent = sender.send(files, journal.sent(server), lambda uid: journal.note(server, uid))
    before = f", {sent.before} had arrived before" if sent.before else ""
    remarks = "".join(f"; {remark}" for remark in sent.remarks)
    return f"{sent.files} files sent to {sender.target}{before}{remarks}"
