import sys
from collections import deque
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adapters import terms
from adapters.api import Progress
from adapters.registry import Registry
from socrates_errors import EngineError
from socrates_tui.home import Home
from tests.adapters.manifests import publish
from tests.socrates_tui.commanding import socrates
from tests.socrates_tui.scripted import ScriptedEngine


@pytest.fixture
def home(own_home: Path) -> Home:
    terms.accept(Home.open(own_home).directory)
    return Home.open(own_home)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """Return the engine that a command will find loaded."""
    scripted = ScriptedEngine()

    def load_engine(models: Path, base: str, registry: Registry, progress: Progress) -> ScriptedEngine:
        progress("Loading the base", None)
        progress("Loading the base", 0.5)
        return scripted

    module = ModuleType("adapters.engine")
    vars(module)["load_engine"] = load_engine
    monkeypatch.setitem(sys.modules, "adapters.engine", module)
    return scripted


def activate(home: Home) -> None:
    registry = Registry(home.versions)
    registry.activate(publish(registry).name)


def test_the_reply_is_printed_and_progress_goes_to_standard_error(home: Home, engine: ScriptedEngine) -> None:
    engine.replies = deque(["正義とは何かね？"])
    outcome = socrates("ask", " 正義とは ")
    assert (outcome.status, outcome.out, outcome.err) == (0, "正義とは何かね？\n", "Loading the base\n")
    assert engine.history[0].messages == [{"role": "user", "content": "正義とは"}]


def test_json_is_one_document_with_what_was_measured(home: Home, engine: ScriptedEngine) -> None:
    document = socrates("ask", "hi", "--seed", "3", "--json").document
    expected = {
        "reply": "君はどう考えるかね？",
        "version": "v0000",
        "prompt_tokens": 2,
        "reply_tokens": 10,
        "ttft_s": 0.1,
        "tokens_per_s": 12.5,
        "stopped_by": "end_of_turn",
        "seed": 3,
    }
    assert {key: document[key] for key in expected} == expected


def test_a_reply_cannot_command_the_terminal(home: Home, engine: ScriptedEngine) -> None:
    engine.replies = deque(["a\x1b[2Jb", "a\x1b[2Jb"])
    assert socrates("ask", "hi", terminal=True).out == "a␛[2Jb\n"
    assert socrates("ask", "hi").out == "a\x1b[2Jb\n"


def test_settings_hold_unless_options_say_otherwise(home: Home, engine: ScriptedEngine) -> None:
    home.config.write_text('system_prompt = "Ask."\n[sampling]\ntemperature = 0.5\ntop_k = 7\nmax_new_tokens = 9\n')
    socrates("ask", "hi")
    socrates("ask", "hi", "--greedy", "--max-new-tokens", "5", "--system", "", "--seed", "1")
    settings, options = engine.history
    assert settings.messages[0] == {"role": "system", "content": "Ask."}
    assert (settings.sampling.temperature, settings.sampling.top_k, settings.sampling.max_new_tokens) == (0.5, 7, 9)
    assert [message["role"] for message in options.messages] == ["user"]
    assert (options.sampling.temperature, options.sampling.top_k, options.sampling.max_new_tokens) == (0.0, 7, 5)
    assert options.sampling.seed == 1


def test_the_active_version_speaks_and_a_named_one_in_its_place(home: Home, engine: ScriptedEngine) -> None:
    activate(home)
    publish(Registry(home.versions))
    assert socrates("ask", "hi", "--json").document["version"] == "v0001"
    assert socrates("ask", "hi", "--version", "v0002", "--json").document["version"] == "v0002"
    assert socrates("ask", "hi", "--version", "base", "--json").document["version"] == "base"


def test_the_base_speaks_with_a_warning_where_the_active_version_does_not_fit(
    home: Home, engine: ScriptedEngine
) -> None:
    activate(home)
    engine.refused = {"v0001"}
    outcome = socrates("ask", "hi", "--json")
    assert (outcome.status, outcome.document["version"]) == (0, "base")
    assert "v0001 does not fit this base: train it again. The base speaks instead." in outcome.err


def test_a_named_version_that_does_not_fit_is_an_error(home: Home, engine: ScriptedEngine) -> None:
    activate(home)
    engine.refused = {"v0001"}
    outcome = socrates("ask", "hi", "--version", "v0001")
    assert (outcome.status, outcome.out) == (1, "")


def test_a_missing_version_is_an_error_before_anything_is_loaded(home: Home, engine: ScriptedEngine) -> None:
    outcome = socrates("ask", "hi", "--version", "v0009")
    assert outcome.status == 1
    assert "Loading" not in outcome.err


def test_a_reply_that_cannot_be_given_is_an_error(home: Home, engine: ScriptedEngine) -> None:
    engine.replies = deque([EngineError("The prompt is too long: shorten it.")])
    outcome = socrates("ask", "hi", "--json")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.endswith("The prompt is too long: shorten it.\n")


def test_an_empty_prompt_is_a_usage_error(home: Home, engine: ScriptedEngine) -> None:
    assert socrates("ask", " ").status == 2


def test_two_versions_are_compared_by_their_replies_drawn_greedily(home: Home, engine: ScriptedEngine) -> None:
    activate(home)
    engine.replies = deque(["一", "二"])
    document: dict[str, Any] = socrates("versions", "compare", "base", "v0001", "--prompt", "hi", "--json").document
    assert [(side["version"], side["reply"]) for side in document["versions"]] == [("base", "一"), ("v0001", "二")]
    assert [(call.version, call.sampling.temperature) for call in engine.history] == [("base", 0.0), ("v0001", 0.0)]


@pytest.mark.parametrize("asked", ["32769", "1" + "0" * 30])
def test_a_reply_cannot_be_longer_than_the_context(home: Home, engine: ScriptedEngine, asked: str) -> None:
    outcome = socrates("ask", "hi", "--max-new-tokens", asked)
    assert outcome.status == 0
    assert outcome.err.endswith("The context of embedded holds 32,768 tokens: no reply is longer.\n")
    assert engine.history[0].sampling.max_new_tokens == 32768


def test_a_reply_as_long_as_the_context_can_be_asked_for(home: Home, engine: ScriptedEngine) -> None:
    assert "no reply is longer" not in socrates("ask", "hi", "--max-new-tokens", "32768").err
    assert engine.history[0].sampling.max_new_tokens == 32768
