"""Every hyper-parameter of a run, and the presets. Records only: adapters.training carries them out."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
ALL_LINEAR = (*ATTENTION, "gate_proj", "up_proj", "down_proj")

Preset = Literal["default", "quick", "seed"]


@dataclass(frozen=True)
class Recipe:
    """One run's settings. Stored whole in version.json, so that a version carries what made it."""

    preset: Preset = "default"
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ALL_LINEAR
    """Names of the linear layers that get an adapter."""
    learning_rate: float = 3e-4
    """Peak; the schedule is a linear warm-up, then a cosine to a tenth."""
    warmup: float = 0.05
    """Share of the steps spent warming up."""
    epochs: int = 3
    min_steps: int = 12
    """Fewest optimiser steps: a handful of examples is read more often than ``epochs`` times; 0 for just ``epochs``."""
    batch_tokens: int = 512
    """Tokens of one optimiser step; a single longer row is a batch of its own."""
    max_tokens: int = 2048
    """Longest row; the oldest turns of the context leave first."""
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest gradient norm."""
    patience: int = 2
    """Epochs without a better held-out loss after which the run stops."""
    pair_weight: float = 0.0
    """What the penalty on rejected replies counts beside the loss of the targets (``loss.objective``)."""
    floor: float = 0.0
    """Loss of a token under which it teaches nothing more (``loss.objective``)."""
    start: Literal["nothing", "starter", "parent"] = "starter"
    """Whose weights it begins with: nobody's, the starter version's where the base has one, or the parent's."""
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON takes them."""
        return asdict(self) | {"targets": list(self.targets)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Recipe":
        """Return the recipe that ``to_json`` gave."""
        return cls(**(fields | {"targets": tuple(fields["targets"])}))


PRESETS: dict[Preset, Recipe] = {
    "default": Recipe(floor=0.3),
    "quick": Recipe(preset="quick", floor=0.3, epochs=1, learning_rate=2e-4, start="parent"),
    "seed": Recipe(preset="seed", start="nothing", targets=ATTENTION, learning_rate=2e-4, dropout=0.1),
}


def recipe(
    preset: Preset, *, epochs: int | None = None, seed: int | None = None, pair_weight: float | None = None
) -> Recipe:
    """Return ``preset`` with the given settings in the place of its own; given epochs are kept to exactly."""
    chosen = PRESETS[preset]
    if pair_weight is not None:
        chosen = replace(chosen, pair_weight=pair_weight)
    if epochs is not None:
        chosen = replace(chosen, epochs=epochs, min_steps=0)
    return chosen if seed is None else replace(chosen, seed=seed)
