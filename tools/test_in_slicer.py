"""Run the modules' self tests in a real Slicer; started by `make test-slicer`, ends Slicer with 0 or 1.

The pictures go to the folder that the environment variable LDCT_SCREENSHOTS names.
"""

import traceback

import slicer

MODULES = ("LDCTDenoise", "LDCTDenoiseTraining")


def run() -> int:
    """Run every module's test class, if it has one, and return the number that failed."""
    failed = 0
    slicer.util.mainWindow().resize(1560, 960)
    for name in MODULES:
        module = __import__(name)
        test = getattr(module, f"{name}Test", None)
        if test is None:
            continue
        try:
            test().runTest()
            print(f"{name}Test: passed", flush=True)
        except Exception:
            traceback.print_exc()
            print(f"{name}Test: FAILED", flush=True)
            failed += 1
    return failed


slicer.util.exit(1 if run() else 0)
