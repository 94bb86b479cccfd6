"""`ldct-denoise denoise INPUT OUTPUT`: one volume in, one volume out."""

import argparse
import os
from concurrent.futures import ThreadPoolExecutor

from ..derived import Provenance, check_series_place, require_source, write_derived_series
from ..derived.written import written_before
from ..engine import DenoiseRun, check_run, prepared
from ..errors import OutputError
from ..methods import make_denoiser, method_name
from ..volumes import is_dicom_source, is_file_name, write_volume
from .options import (
    add_derived_options,
    add_method_options,
    add_reading_options,
    add_series_option,
    check_output,
    derived_options,
    method_of,
    progress_bar,
    read_ct,
    run_with_bar,
)
from .send_options import add_send_options, make_sender, send_series


def add_parser(commands) -> None:
    parser = commands.add_parser("denoise", description="Denoise a CT volume.")
    parser.add_argument("input", metavar="INPUT", help="NRRD, NIfTI or MHA file, or a DICOM folder")
    parser.add_argument(
        "output",
        metavar="OUTPUT",
        help="NRRD, NIfTI or MHA file to write; of a DICOM input also a new folder, for a DICOM series",
    )
    add_method_options(parser)
    add_series_option(parser)
    add_reading_options(parser)
    add_derived_options(parser)
    add_send_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    # What can be known to fail is found out before minutes of work, not after.
    options = derived_options(arguments)
    as_dicom = not is_file_name(arguments.output)
    if not as_dicom:
        check_output(arguments.output, arguments.input)
    elif is_dicom_source(arguments.input):
        # The series of an earlier run that was killed while sending goes on from there.
        sent_before = bool(arguments.send) and os.path.isdir(arguments.output) and bool(os.listdir(arguments.output))
        if not sent_before:
            check_series_place(arguments.output, options)
    else:
        raise OutputError(
            f"cannot write '{arguments.output}' as DICOM: '{arguments.input}' is not DICOM, and a series needs the "
            "headers of its source; let the name end in .nrrd, .nii.gz or .mha."
        )
    if arguments.send and not as_dicom:
        raise OutputError("--send needs a DICOM series to send; give a new folder as output.")
    sender = make_sender(arguments)
    method = method_of(arguments)
    if method:
        method_name(method)
    # Torch takes longer to load than most volumes to be read, and much of either is waiting.
    with ThreadPoolExecutor(1) as meanwhile:
        loading = meanwhile.submit(make_denoiser, method, arguments.model)
        volume = read_ct(arguments.input, arguments.series, arguments)
        denoiser = loading.result()
    if as_dicom:
        require_source(volume)
    check_run(denoiser, arguments.device, arguments.strength, arguments.batch)
    denoiser, strength, remarks = prepared(
        volume, denoiser, arguments.device, arguments.strength, arguments.leave_noise
    )
    if arguments.leave_noise is not None:
        print(f"{denoiser.name}: strength {strength:.2f}, {remarks[0]}")
    work = DenoiseRun(volume, denoiser, arguments.device, strength, arguments.batch, remarks)
    if as_dicom and sent_before:
        files = written_before(volume, arguments.output, Provenance.of_run(work), options)
        print(f"{denoiser.name}: '{arguments.output}' holds this series already, it is sent as it is")
        print(send_series(sender, files, arguments.output))
        return
    run_with_bar(work, len(volume.array), denoiser.name, str(work.device))
    if as_dicom:
        with progress_bar(len({s.path for s in volume.facts["slices"]}), "writing", "image") as bar:
            files = write_derived_series(
                volume, work.output, arguments.output, Provenance.of_run(work), options, lambda *_: bar.update()
            )
    else:
        write_volume(volume.with_array(work.output, denoiser.name), arguments.output, Provenance.of_run(work).words)
    print(f"{denoiser.name}: {len(volume.array)} slices of '{volume.name}' written to {arguments.output}")
    if sender:
        print(send_series(sender, files, arguments.output))
