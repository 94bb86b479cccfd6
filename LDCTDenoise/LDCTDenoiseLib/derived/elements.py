"""Which elements of a source's header a derived image must not keep, and how all of them are written."""

import numpy as np

#: What is true of the source's pixels or file alone.
_OF_THE_SOURCE = (
    "InstanceCreatorUID",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "SmallestValidPixelValue",
    "LargestValidPixelValue",
    "SmallestImagePixelValueInPlane",
    "LargestImagePixelValueInPlane",
    "IconImageSequence",
    "PixelData",
    "PixelDataProviderURL",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "MACParametersSequence",
    "DigitalSignaturesSequence",
    "DataSetTrailingPadding",
    "SOPInstanceUIDOfConcatenationSource",
)


def remove_what_is_of_the_source(dataset) -> None:
    """Remove from a header what describes the source's pixels or signs them."""
    for keyword in _OF_THE_SOURCE:
        if keyword in dataset:
            del dataset[keyword]
    for group in range(0x6000, 0x6020, 2):
        # An overlay in unused bits of the pixels went with the pixels; one with data of its own stays.
        if (group, 0x0010) in dataset and (group, 0x3000) not in dataset:
            for tag in [tag for tag in dataset.keys() if tag.group == group]:
                del dataset[tag]


def remove_private(dataset) -> None:
    """Remove private elements here and below; other values are not even decoded, so that they stay as they are."""
    for tag in list(dataset.keys()):
        if tag.is_private:
            del dataset[tag]
        elif dataset.get_item(tag).VR == "SQ":
            for item in dataset[tag].value or []:
                remove_private(item)


def as_little_endian(dataset):
    """Return a header that was stored big endian as one that can be written little endian; others as they are."""
    from pydicom.dataset import Dataset

    if dataset.original_encoding[1]:
        return dataset
    dataset.walk(_swap_words)
    copy = Dataset({element.tag: element for element in dataset})
    copy.file_meta = dataset.file_meta
    return copy


def _swap_words(dataset, element) -> None:
    """Turn words that are kept as bytes around; numbers are decoded already."""
    if element.VR == "OW" and element.value:
        element.value = np.frombuffer(element.value, ">u2").astype("<u2").tobytes()
