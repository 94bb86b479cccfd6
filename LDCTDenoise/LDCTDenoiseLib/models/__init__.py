"""Model files: one safetensors file holds the weights and all that is needed to use and to trust them."""

from .card import ModelCard
from .catalogue import Entry, add_model, catalogue, find_model, user_folder
from .file import Model, load_model, read_card, save_model, set_card
