"""Every setting of a training in words, with the reason for its default (docs/training.md)."""

from dataclasses import fields
from typing import NamedTuple

from LDCTDenoiseTrainingLib.loop.config import TrainingConfig


class Words(NamedTuple):
    label: str
    reason: str


#: The settings that most people look at, in the order of the panel; the others follow below them.
MAIN = ("patch", "batch", "steps", "epochs", "learning_rate", "l1_weight", "penalty_weight", "critic_steps", "seed",
        "workers")

#: Settings with a few values to choose from.
CHOICES = {"select_by": ("psnr", "ssim", "rmse", "texture", "last"), "precision": ("auto", "float32")}

WORDS = {
    "patch": Words(
        "Patch side (pixels)",
        "Side of the square pieces that the network learns from; the paper's 80.",
    ),
    "batch": Words(
        "Batch (patches)",
        "Pairs of patches a step; the paper's 128. Less needs less memory and is noisier: take more steps "
        "then.",
    ),
    "steps": Words("Steps", "Steps of the generator. 0: as many as the epochs below make."),
    "epochs": Words(
        "Epochs",
        "Passes over the training pairs, where steps is 0; the paper's networks settle within 10.",
    ),
    "learning_rate": Words(
        "Learning rate",
        "2e-3 for L1 methods, with warm-up and cosine decay; 1e-4 for adversarial ones, where faster is "
        "unstable. The papers' 1e-5 without decay needs many times the steps.",
    ),
    "l1_weight": Words(
        "λ1, weight of L1",
        "Weight of the mean absolute error: 1 for the L1 methods, 0 for WGAN, which has none in the original, "
        "100 for DCSWGAN, which holds it to the true HU.",
    ),
    "penalty_weight": Words(
        "λ, gradient penalty",
        "Weight of the critic's gradient penalty: 10, as in WGAN-GP.",
    ),
    "critic_steps": Words(
        "Critic steps",
        "Steps of the critic for each of the generator: 4, so that the critic is ahead.",
    ),
    "seed": Words("Seed", "The same seed gives the same patches and, on a CPU, the same weights."),
    "workers": Words("Workers", "Processes that cut patches; -1: none on a CPU, up to 8 with a GPU."),
    "hu_range": Words(
        "HU range",
        "HU that the network sees as 0 and 1: the 12-bit range of CT, so that nothing is cut.",
    ),
    "training_pairs": Words("Pairs of an epoch", "499,996 in the paper; what an epoch is counted in."),
    "validation_pairs": Words(
        "Validation patches",
        "5,096 in the paper; patches that the validation loss is taken on.",
    ),
    "final_rate": Words("Final rate", "The learning rate falls along half a cosine to this part of itself."),
    "warmup_steps": Words(
        "Warm-up steps",
        "Steps over which the learning rate rises; without it a rate of 2e-3 can throw the first weights "
        "away.",
    ),
    "betas": Words("Adam betas", "0.9, 0.999 for L1 methods; 0.5, 0.9 for adversarial ones, as in WGAN-GP."),
    "loss_window": Words(
        "Loss window (HU)",
        "HU that losses and critic see as 0 and 1, unclipped. Over the network's whole range the texture is "
        "too small for a critic to find.",
    ),
    "mean_weight": Words(
        "Weight of means",
        "Weight of the error of block means: it holds the mean HU, which an adversarial loss lets drift. 0 "
        "for L1 methods.",
    ),
    "mean_block": Words("Block of means (pixels)", "Side of the blocks whose means are held."),
    "tissue_weight": Words(
        "Weight of tissues",
        "Weight of the error of the means of flat tissues, which holds bone and contrast-filled vessels; 0: none.",
    ),
    "generator_average": Words(
        "Average of weights",
        "Decay of a running mean of the weights that is validated in their place; 0: none.",
    ),
    "least_body": Words("Least body", "A patch with less of the body than this part is mostly air."),
    "keep_air": Words(
        "Keep air",
        "Probability with which a patch of air is kept all the same: air must stay air.",
    ),
    "dose_jitter": Words("Dose jitter", "Each patch's simulated dose is changed by up to this factor."),
    "noise_generations": Words(
        "Noise generations",
        "Simulated noise is made so many times, and then used again.",
    ),
    "noise_refresh": Words("Noise refresh (steps)", "Steps that one generation of noise serves."),
    "noise_workers": Words("Noise workers", "Processes that simulate the next generation meanwhile."),
    "precision": Words(
        "Precision",
        "auto: bfloat16 for the correction on CUDA, which is faster; float32 insists.",
    ),
    "log_every": Words("Log every (steps)", "Steps between two points of the loss curve."),
    "checkpoint_every": Words("Checkpoint every (steps)", "What is lost at most when the process is killed."),
    "validate_every": Words("Validate every (steps)", "0: each epoch."),
    "validation_slices": Words("Validation slices", "Whole slices of each validation scan that are measured."),
    "validation_dose": Words(
        "Validation dose",
        "Fixed dose of simulated validation patients, so that numbers compare.",
    ),
    "validation_photons": Words("Validation photons", "Fixed as the dose is."),
    "validation_kernel": Words("Validation kernel", "Fixed as the dose is."),
    "select_by": Words(
        "Best state by",
        "psnr for L1 methods. An adversarial training loses PSNR as it gains texture: it keeps the state "
        "whose texture is nearest to full dose's.",
    ),
    "least_gain_db": Words(
        "Least gain (dB)",
        "PSNR that a state must gain on the low dose before texture counts: the paper's own gain.",
    ),
    "start_from": Words(
        "Start from",
        "A model file to begin with, or none for random weights. Adversarial methods begin with their L1 "
        "twin: a critic has nothing to teach a network that only makes noise.",
    ),
}


def otherKeys() -> list[str]:
    """Return the settings that are not in `MAIN`, those without words last: nothing is hidden."""
    keys = [field.name for field in fields(TrainingConfig) if field.name not in ("method", *MAIN)]
    return sorted(keys, key=lambda key: list(WORDS).index(key) if key in WORDS else len(WORDS))


def wordsOf(key: str) -> Words:
    """Return a setting in words."""
    return WORDS.get(key) or Words(key.replace("_", " ").capitalize(), "See docs/training.md.")
