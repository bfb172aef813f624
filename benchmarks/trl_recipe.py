"""TRL's SFTTrainer as a peer for benchmarks/train.py: reply-only loss, the same base, LoRA, rate, examples and epochs.

    python -m benchmarks.trl_recipe --base DIR --train FILE --eval FILE [--limit 200] [--eval-limit 60] [--epochs 3]

Needs ``pip install trl``. Prints one JSON line: seconds of training, tokens per second, and the held-out loss per
target token after each epoch, measured by the same code as ours. What is not named is TRL's default; its gradient
checkpointing is off, as it costs time and memory is not short.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig
from transformers import AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from adapters.base import device, load_model, load_tokenizer
from adapters.encoding import Encoder, Row
from adapters.evaluation import loss_per_token
from adapters.recipe import PRESETS
from benchmarks.experiments import read


class Measuring(TrainerCallback):  # type: ignore[misc]
    """Measures the held-out loss after each epoch, and the time without that."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._began = 0.0
        self.spent = 0.0
        self.losses: list[float] = []

    def on_epoch_begin(self, *_state: Any, **_more: Any) -> None:
        """Begin to count."""
        self._began = time.perf_counter()

    def on_epoch_end(self, *_state: Any, model: Any, **_more: Any) -> None:
        """Stop counting, and measure."""
        self.spent += time.perf_counter() - self._began
        model.eval()
        self.losses.append(round(loss_per_token(model.get_base_model(), self._rows) or 0.0, 4))
        model.train()


def main() -> None:
    """Train and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base", "train", "eval"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, default in (("limit", 200), ("eval-limit", 60), ("epochs", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    ours = PRESETS["default"]
    encoder = Encoder(load_tokenizer(arguments.base))
    rows, held_out = (
        encoder.rows(read(path, limit), ours.max_tokens)[0]
        for path, limit in ((arguments.train, arguments.limit), (arguments.eval, arguments.eval_limit))
    )
    columns = {"input_ids": [row.ids for row in rows], "completion_mask": [list(map(int, r.supervised)) for r in rows]}
    measuring = Measuring(held_out)
    trainer = SFTTrainer(
        model=load_model(arguments.base, trainable=True),
        args=SFTConfig(
            output_dir=str(arguments.train.parent / "trl"),
            num_train_epochs=arguments.epochs,
            learning_rate=ours.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=ours.warmup,
            completion_only_loss=True,
            max_length=ours.max_tokens,
            gradient_checkpointing=False,
            use_cpu=device() == "cpu",
            bf16=True,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict(columns),
        processing_class=AutoTokenizer.from_pretrained(arguments.base, pad_token="<pad>"),
        peft_config=LoraConfig(
            r=ours.rank, lora_alpha=ours.alpha, target_modules=list(ours.targets), bias="none", task_type="CAUSAL_LM"
        ),
        callbacks=[measuring],
    )
    trainer.train()
    tokens = arguments.epochs * sum(len(row.ids) for row in rows)
    figures = {
        "recipe": "TRL SFTTrainer",
        "train_s": round(measuring.spent, 1),
        "tokens_per_s": round(tokens / measuring.spent, 1),
        "held_out_after_each_epoch": measuring.losses,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
