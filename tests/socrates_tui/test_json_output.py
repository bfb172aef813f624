import json
import re

from hypothesis import given
from hypothesis import strategies as st

from socrates_tui.json_output import json_text


@given(st.text())
def test_what_is_printed_is_read_back_alike_and_is_one_line_without_controls(text: str) -> None:
    printed = json_text({"text": text})
    assert json.loads(printed) == {"text": text}
    assert len(printed.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", printed)


def test_japanese_stands_as_it_is_and_controls_are_escaped() -> None:
    assert json_text({"a": "君\x9b\x7f\u2028\u202e"}) == '{"a": "君\\u009b\\u007f\\u2028\\u202e"}'
