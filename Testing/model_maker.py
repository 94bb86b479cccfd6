"""Model files for tests: the paper's networks with weights made on the spot."""

import torch
from LDCTDenoiseLib.methods import architecture_of_method, build_generator
from LDCTDenoiseLib.models import ModelCard, save_model


def make_card(method="DCSCN", **changes) -> ModelCard:
    facts = {
        "method": method,
        "architecture": architecture_of_method(method),
        "hu_range": (-1024.0, 3071.0),
        "dose": {"fraction": 0.25, "noise_hu": 45},
        "training_data": [{"name": "none", "licence": "none", "citation": "made for a test"}],
        "validation": {},
        "training": {"loss": "L1", "steps": 0},
        "software": "test",
        "seed": 0,
    }
    return ModelCard(**{**facts, **changes})


def make_architecture(method="DCSCN", neighbours=0) -> dict:
    """Return the architecture of a method's network; with neighbours, of slices beside each other."""
    several = {"channels": 2 * neighbours + 1, "image": neighbours} if neighbours else {}
    return {**architecture_of_method(method), **several}


def make_generator(method="DCSCN", weights="random", seed=0, neighbours=0):
    """Return a generator with zero weights, or with small random ones that change every image."""
    torch.manual_seed(seed)
    generator = build_generator(make_architecture(method, neighbours))
    with torch.no_grad():
        if weights == "zero":
            for parameter in generator.parameters():
                parameter.zero_()
        else:
            last = list(generator.parameters())[-1 if method.startswith("DCS") else -2]
            last.mul_(0.02)
    return generator


def make_model(path, method="DCSCN", weights="random", neighbours=0, **changes):
    changes = {"architecture": make_architecture(method, neighbours), **changes}
    return save_model(path, make_generator(method, weights, neighbours=neighbours), make_card(method, **changes))
