"""Which elements of a source's header a derived image must not keep."""

#: What is true of the source's pixels or file alone.
_OF_THE_SOURCE = (
    "InstanceCreatorUID",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
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
