"""Replying with a base and its active version, and swapping versions in. Training one is not its concern."""

import gc
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from adapters.api import BASE, Chunk, Finished, Message, Progress, Sampling, StoppedBy
from adapters.base import allow_repacking, device, load_model, locate, weights_hash
from adapters.cpu_decoder import CpuDecoder
from adapters.decoder import Decoder
from adapters.encoding import Encoder, has_oldest, without_oldest
from adapters.gpu_decoder import GpuDecoder
from adapters.lora import Adapter, read_version
from adapters.modules import Modules
from adapters.packed import as_expected, library, with_packed
from adapters.reader import Reader
from adapters.registry import Registry
from adapters.sampling import draw
from adapters.text_stream import TextStream
from adapters.tokenizers_here import encoder_in
from adapters.weights import computable, file_of, keep, kept, weights_of
from socrates_errors import BaseUnavailableError, EngineError
from socrates_language import tr


def load_engine(models: Path, base: str, registry: Registry, progress: Progress) -> "GemmaEngine":
    """Return an engine for ``base``, without a version; the tokenizer is read beside the weights.

    Raises BaseUnavailableError with what to do.
    """
    directory = locate(base, models, progress)
    progress(tr("Loading the base"), None)
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(encoder_in, directory / "tokenizer.json")
        weights = weights_hash(directory, models)
        try:
            file = file_of(models, directory, weights)
            decoder = decoder_of(directory, file, lambda: reading.result().end_of_turn)
        except torch.OutOfMemoryError as error:
            raise BaseUnavailableError(
                tr(
                    "{base} does not fit into the memory of the GPU: close what else uses it, or choose a smaller base."
                ).format(base=base)
            ) from error
        return GemmaEngine(base, weights, decoder, reading.result(), registry)


def decoder_of(directory: Path, file: Path, end_of_turn: Callable[[], int]) -> Decoder | Modules:
    """Return what reads with the base in ``directory``; its weights are kept in ``file`` as they are needed."""
    on_gpu = device() == "cuda"
    able = on_gpu or library() is not None
    weights = kept(file, end_of_turn()) if able else None
    if weights is None:
        model = load_model(directory, trainable=True)
        if not able or not computable(model) or not (on_gpu or as_expected()):
            allow_repacking(model, True)
            return Modules(model, end_of_turn())
        weights = weights_of(model, end_of_turn())
        del model
        gc.collect()  # it refers to itself
        if on_gpu:
            torch.cuda.empty_cache()
        weights = keep(weights if on_gpu else with_packed(weights), file)
    return GpuDecoder(weights) if on_gpu else CpuDecoder(weights)


class GemmaEngine:
    """A quantized Gemma, its active version, and what was read of prompts. One lock serialises all."""

    def __init__(self, base: str, weights: str, decoder: Decoder | Modules, encoder: Encoder, registry: Registry):
        """``weights`` is the hash of the base's weights."""
        self.base = base
        self.version = BASE
        self.device = device()
        self.context_tokens = decoder.context
        self._weights = weights
        self._encoder = encoder
        self._stops = encoder.stops | decoder.alike
        self._registry = registry
        self._lock = threading.Lock()
        self._threads = torch.get_num_threads()
        self._decoder = decoder
        self._reader = Reader(decoder)
        self._worn: Adapter | None = None
        """What the decoder wears where ``version`` speaks."""

    def use(self, version: str) -> None:
        """Swap in ``version`` (or ``base``) between two replies.

        Raises VersionError, with the old version still active, when the new one is missing, damaged or another base's.
        """
        with self._lock:
            adapter = self._read(version)
            self._reader.forget()
            self._decoder.wear(adapter)
            self.version, self._worn = version, adapter

    def _read(self, version: str) -> Adapter | None:
        if version == BASE:
            return None
        found = self._registry.get(version)
        return read_version(found, self.base, self._weights, self._decoder.linears, self.device)

    def reply(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> Iterator[Chunk | Finished]:
        """Yield the reply in chunks of whole characters, then one ``Finished``.

        The keys and values of the conversation so far are used again while it goes on and the version stays.
        Raises EngineError when the last prompt alone does not fit.
        """
        with self._lock:
            started = time.perf_counter()
            prompt, left_out = self._fit(messages, sampling.max_new_tokens)
            seed = secrets.randbits(31) if sampling.seed is None else sampling.seed
            random = torch.Generator().manual_seed(seed)
            stream = TextStream(self._encoder.tokenizer)
            reply: list[int] = []
            text, began = "", 0.0
            stopped_by: StoppedBy = "length"
            limit = min(sampling.max_new_tokens, self.context_tokens - len(prompt))
            if limit < sampling.max_new_tokens:
                stopped_by = "context"
            while len(reply) < limit:
                if stopped():
                    stopped_by = "user"
                    break
                self._share(beside())
                scores = self._reader.go_on(reply[-1:]) if reply else self._reader.begin(prompt)
                token = draw(scores, sampling, reply, random)
                if not reply:
                    began = time.perf_counter()
                reply.append(token)
                if token in self._stops:
                    stopped_by = "end_of_turn"
                    break
                piece = stream.text(token)
                if piece := piece if text else piece.lstrip():
                    text += piece
                    yield Chunk(piece)
            spent = time.perf_counter() - began
            yield Finished(
                reply=text.strip(),
                version=self.version,
                prompt_tokens=len(prompt),
                reply_tokens=len(reply),
                ttft_s=began - started if reply else 0.0,
                tokens_per_s=(len(reply) - 1) / spent if len(reply) > 1 else 0.0,
                stopped_by=stopped_by,
                seed=seed,
                turns_left_out=left_out,
            )

    def losses(
        self,
        examples: Sequence[Sequence[Message]],
        versions: Sequence[str],
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> list[list[float | None]] | None:
        """Return, for each of ``versions``, the loss per token of each example's last message; None once ``stopped``.

        What was read of other conversations stays on the shelf, for the version that speaks speaks on.
        """
        numbered = [{"id": number, "conversation": 0, "messages": messages} for number, messages in enumerate(examples)]
        with self._lock:
            rows, _ = self._encoder.rows(numbered, self.context_tokens)
            adapters = {name: self._read(name) for name in versions}  # all, before anything is changed
            self._reader.put_by()
            speaks = wears = self.version
            found = []
            try:
                for name, adapter in adapters.items():
                    self._share(beside())
                    if name != wears:
                        self._decoder.wear(adapter)
                        wears = name
                    of_targets: dict[int, float] = {}
                    for row in rows:
                        losses = self._reader.losses(row, stopped)
                        if losses is None:
                            return None
                        for number, (loss, tokens) in zip(row.examples, row.targets(losses), strict=True):
                            of_targets[number] = loss / tokens
                    found.append([of_targets.get(number) for number in range(len(examples))])
            finally:
                if wears != speaks:
                    self.version = wears  # which is so where the next line fails
                    self._decoder.wear(self._worn)
                    self.version = speaks
            return found

    def _share(self, beside: bool) -> None:
        """Leave half of the processor to a training beside this.

        Threads that wait for one another take no turns with those of another program: on two cores a reply beside a
        training had 1 token a second with two threads, and has 60 with one.
        """
        if self.device == "cpu":
            threads = max(1, self._threads // 2) if beside else self._threads
            if threads != torch.get_num_threads():
                torch.set_num_threads(threads)

    def _fit(self, messages: Sequence[Message], new_tokens: int) -> tuple[list[int], int]:
        """Return the prompt's ids and how many of its oldest turns were left out to make room for a reply."""
        room = self.context_tokens - min(new_tokens, self.context_tokens // 4)
        prompt, left_out = self._encoder.prompt(messages), 0
        if len(prompt) > room:
            # Leave out more than needed, so that the turns after this one find their beginning unchanged.
            while len(prompt) > room // 2 and has_oldest(messages, left_out):
                left_out += 1
                prompt = self._encoder.prompt(without_oldest(messages, left_out))
        if len(prompt) > room:
            raise EngineError(
                tr("This message is {tokens} tokens long and the context has room for {room}: shorten it.").format(
                    tokens=len(prompt), room=room
                )
            )
        return prompt, left_out
