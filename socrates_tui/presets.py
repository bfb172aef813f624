"""What each preset means, for a reader. The recipes themselves are adapters.recipe's."""

from adapters.recipe import Preset
from socrates_language import marked

MEANINGS: dict[Preset, str] = {
    "default": marked("Reads every example three times, a handful more often, and begins from the starter version."),
    "quick": marked("Reads every example once and begins from the active version: for a few new examples."),
    "seed": marked("Like the notebook this grew from: attention layers only, slower steps, with dropout."),
}
