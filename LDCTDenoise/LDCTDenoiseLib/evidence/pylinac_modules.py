"""Run by a Python that has pylinac: print where the modules of a phantom are, as JSON.

    python pylinac_modules.py FOLDER KIND

It stands alone, for pylinac wants an older pydicom than this library and so an environment of its own.
"""

import json
import sys
import warnings


def find(folder: str, kind: str) -> dict:
    import pylinac

    found = getattr(pylinac, kind)(folder)
    found.analyze()

    def module(*names):
        # A module that this phantom has not stays the class it would have been, or is absent.
        made = [getattr(found, name, None) for name in names]
        return next((m for m in made if m is not None and not isinstance(m, type)), None)

    def place(module) -> dict | None:
        if module is None:
            return None
        number, centre = int(module.slice_num), module.phan_center
        rois = {
            name: [float(roi.center.y), float(roi.center.x), float(roi.radius * found.mm_per_pixel)]
            for name, roi in module.rois.items()
        }
        z = float(found.dicom_stack[number].z_position)
        return {"z": z, "centre": [float(centre.y), float(centre.x)], "rois": rois}

    return {
        "hu": place(module("ctp404", "ct_calibration_module")),
        "uniformity": place(module("ctp486", "uniformity_module")),
        "low_contrast": place(module("ctp515", "low_contrast_module")),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    try:
        print(json.dumps(find(*sys.argv[1:])))
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        sys.exit(3 if error.name == "pylinac" else 1)
    except Exception as error:
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        sys.exit(1)
