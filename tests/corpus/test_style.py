"""What the style meter says of replies: each part alone, all together, and of any text."""

import json
import time
from pathlib import Path
from statistics import median, quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.style import Style, measure
from tests.corpus.grades import graded, spearman

STARTER = sorted((Path(__file__).parents[2] / "corpus" / "starter").glob("*.jsonl"))
EXCHANGES = [
    tuple(message["content"] for message in json.loads(line)["messages"])
    for file in STARTER
    for line in file.read_text("utf-8").splitlines()
]

ASKED = {
    "ja": "友達との約束を破ってしまった。謝るべきだろうか。",
    "en": "I broke a promise to my friend. Should I apologise?",
}
GOOD = {
    "ja": "約束を破った、と君は言う。その友は、君の口から何を聞きたいと思っているかね？",
    "en": "You broke a promise, you say. What would your friend most want to hear from you?",
}
BOTH = pytest.mark.parametrize("tongue", ["ja", "en"])


def lost(style: Style) -> set[str]:
    """Return the names of the parts that are missing in part or altogether."""
    return {name for name, value in style.values.items() if value < 1}


def test_scores_agree_with_grades_given_by_reading() -> None:
    replies = graded()
    scores = [measure(each.prompt, each.reply).score for each in replies]
    assert spearman(scores, [each.grade for each in replies]) >= 0.88  # 0.91 when it was written


@pytest.mark.parametrize("japanese", [True, False])
def test_scores_agree_with_grades_in_either_language(japanese: bool) -> None:
    replies = [each for each in graded() if any("ぁ" <= letter <= "ん" for letter in each.prompt) == japanese]
    scores = [measure(each.prompt, each.reply).score for each in replies]
    assert spearman(scores, [each.grade for each in replies]) >= 0.84


def test_grades_are_spread() -> None:
    replies = graded()
    assert len(replies) == 60
    assert {each.grade for each in replies} == set(range(11))


@BOTH
def test_a_socratic_turn_lacks_nothing(tongue: str) -> None:
    style = measure(ASKED[tongue], GOOD[tongue])
    assert (style.score, lost(style), style.advice) == (100.0, set(), "")


@pytest.mark.parametrize(
    ("tongue", "reply", "part", "advice"),
    [
        ("ja", "約束を破った、と君は言う。その友は君の言葉を待っているようだ。", "question", "End with one question."),
        ("en", "You broke a promise, you say. Your friend is waiting for you.", "question", "End with one question."),
        (
            "ja",
            "君はなぜ約束を破ったのかね？その友は何を思っているかね？",
            "question",
            "Ask one question, and leave out the others.",
        ),
        (
            "en",
            "Why did you break your promise? What does your friend know of it?",
            "question",
            "Ask one question, and leave out the others.",
        ),
        (
            "ja",
            "その友は、約束の何を惜しんでいるのかね？君の胸はもう答えを知っているようだ。",
            "question",
            "Let the question be the last thing said.",
        ),
        (
            "en",
            "What does your friend miss of that promise? Your heart knows it already.",
            "question",
            "Let the question be the last thing said.",
        ),
        (
            "ja",
            "約束を破れば友は傷つくものだ。君もそう思わないかね？",
            "question",
            "Ask something to which yes is not the only answer.",
        ),
        (
            "en",
            "A promise that is broken hurts a friend. Don't you agree with me?",
            "question",
            "Ask something to which yes is not the only answer.",
        ),
        (
            "ja",
            "宇宙が始まる前、約束という言葉は誰のものだったのだろうか？",
            "question",
            "Ask something that this person can answer.",
        ),
        (
            "en",
            "What was a promise to a friend before the universe had begun to be?",
            "question",
            "Ask something that this person can answer.",
        ),
        (
            "ja",
            "約束を破ったのですね。その友は、君の口から何を聞きたいでしょうか？",
            "form",
            "Use the plain form (〜かね, 〜だろうか), not です and ます.",
        ),
        (
            "en",
            "Thank you for telling me. What would your friend most want to hear from you?",
            "form",
            "Speak plainly, without the courtesies of an assistant.",
        ),
        (
            "ja",
            "約束を破った、とあなたは言う。その友は、あなたから何を聞きたいと思っているかね？",
            "form",
            "Say 君 to the person.",
        ),
        ("ja", "約束を破ったんだ！その友は君から何を聞きたいかね？", "form", "Say it without exclamation marks."),
        ("en", "A promise! What would your friend most want to hear from you?", "form", None),
        ("ja", "人にはいろいろなことがあるものだ。君が朝いちばんに見たのは何かね？", "taken_up", None),
        (
            "en",
            "Life is long and full of weather. Where were you early this morning?",
            "taken_up",
            "Take up a word of the prompt.",
        ),
        (
            "ja",
            "友達との約束を破ってしまった。謝るべきだろうか。では、君は何を思うかね？",
            "taken_up",
            None,
        ),
        (
            "en",
            "I broke a promise to my friend. Should I apologise? What do you think of your friend?",
            "taken_up",
            None,
        ),
        (
            "ja",
            "約束を破ったら、すぐに謝るべきだ。その友は君から何を聞きたいかね？",
            "nothing_given",
            "Give no advice: ask what the person would do.",
        ),
        (
            "en",
            "You should apologise for that promise. What would your friend want to hear?",
            "nothing_given",
            "Give no advice: ask what the person would do.",
        ),
        ("ja", "答えは、約束を守ることだ。その友は君から何を聞きたいかね？", "nothing_given", None),
        ("en", "Yes, a promise is a promise. What would your friend want to hear?", "nothing_given", None),
        (
            "ja",
            "（静かに微笑む）約束を破ったのだね。その友は君から何を聞きたいかね？",
            "unadorned",
            "Leave out what stands in brackets or asterisks.",
        ),
        (
            "en",
            "*smiles* You broke a promise. What would your friend want to hear from you?",
            "unadorned",
            "Leave out what stands in brackets or asterisks.",
        ),
        (
            "ja",
            "約束について考えよう。\n- 破った約束\n- 守った約束\n君が惜しむのはどちらかね？",
            "unadorned",
            "Say it in sentences, without lists and markup.",
        ),
        (
            "en",
            "Of your promise:\n1. You broke it\n2. Your friend knows\nWhich of these troubles you?",
            "unadorned",
            "Say it in sentences, without lists and markup.",
        ),
        ("ja", "約束とは何かね？", "length", "Say a little more."),
        ("en", "Which promise?", "length", "Say a little more."),
        ("ja", "約束" + "という言葉の重さを量る秤はどこの市場にもない" * 12 + "が、君はどう量るかね？", "length", None),
        ("en", "Your promise" + " was given on a road that few walk" * 25 + "; who gave it to you?", "length", None),
        ("ja", "約束を破ったのだね。" * 6 + "その友は何を思うかね？", "fresh", "Say each thing once."),
        ("en", "You broke a promise. " * 8 + "What does your friend say?", "fresh", "Say each thing once."),
        ("ja", GOOD["en"], "language", "Reply in the language of the prompt."),
        ("en", GOOD["ja"], "language", "Reply in the language of the prompt."),
        (
            "ja",
            "約束を破ったのだね。你的朋友们 그 친구는 君から何を聞きたいかね？",
            "language",
            "Leave out the words of another language.",
        ),
        (
            "en",
            "You broke a promise. Что скажет друг? What would your friend want to hear?",
            "language",
            None,
        ),
        (
            "ja",
            "約束を破るとは愚か者だ。その友は君から何を聞きたいかね？",
            "civil",
            "Question the thought, and spare the person.",
        ),
        (
            "en",
            "You broke a promise like an idiot. What would your friend want to hear?",
            "civil",
            "Question the thought, and spare the person.",
        ),
    ],
)
def test_each_part_sees_what_it_is_there_for(tongue: str, reply: str, part: str, advice: str | None) -> None:
    style, good = measure(ASKED[tongue], reply), measure(ASKED[tongue], GOOD[tongue])
    assert part in lost(style)
    assert style.score < good.score
    if advice is not None:
        assert style.advice == advice


@BOTH
def test_a_question_in_two_halves_costs_less_than_two_questions(tongue: str) -> None:
    halves = {
        "ja": "約束を破ったのだね。惜しいのは友かね？それとも君の言葉かね？",
        "en": "You broke a promise. Is it your friend you miss? Or is it your word?",
    }
    two = {
        "ja": "約束を破ったのだね。惜しいのは友かね？君の言葉はどこかね？",
        "en": "You broke a promise. Is it your friend you miss? Where is your word?",
    }
    values = [measure(ASKED[tongue], text[tongue]).values["question"] for text in (halves, two)]
    assert 1 > values[0] > values[1]


@BOTH
def test_each_further_question_costs_more(tongue: str) -> None:
    one = {"ja": "約束とは君の何かね？", "en": "What is that promise to you?"}[tongue]
    values = [measure(ASKED[tongue], one * count).values["question"] for count in range(1, 5)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


@BOTH
def test_an_offer_of_help_is_no_question(tongue: str) -> None:
    offer = {
        "ja": "約束のことだね。何かお手伝いできることはありますか？",
        "en": "It is about your promise. Would you like me to help you write to your friend?",
    }
    assert measure(ASKED[tongue], offer[tongue]).values["question"] <= 0.1


@BOTH
def test_asking_whether_all_was_understood_is_no_question(tongue: str) -> None:
    check = {"ja": "約束は守るものだ。君、分かったかね？", "en": "A promise binds your friend and you. Got it?"}
    assert measure(ASKED[tongue], check[tongue]).values["question"] <= 0.1


@BOTH
def test_telling_what_was_asked_about_gives_it_away(tongue: str) -> None:
    prompt = {"ja": "友情とは何か教えて。", "en": "Explain friendship to me."}[tongue]
    told = {"ja": "友情とは、互いに助け合う間柄だ。", "en": "Friendship is help given both ways between equals."}[
        tongue
    ]
    asked = {"ja": "君の友は誰かね？", "en": "Who is a friend of yours?"}[tongue]
    assert measure(prompt, asked).values["nothing_given"] == 1
    assert measure(prompt, f"{told} {asked}").values["nothing_given"] < 0.5


def test_a_question_needs_no_question_mark_in_japanese() -> None:
    assert measure(ASKED["ja"], GOOD["ja"].replace("？", "。")).values["question"] == 1


def test_noticing_is_no_question() -> None:
    reply = "破ってしまった、か。なるほど、友達との約束だったのか。その友は君に何を望んでいるかね？"
    assert measure(ASKED["ja"], reply).values["question"] == 1


@BOTH
def test_what_the_person_said_may_be_quoted_in_its_own_form(tongue: str) -> None:
    prompt = {"ja": "許すのは無理です。なぜですか？", "en": "Please, why should I forgive?"}[tongue]
    reply = {
        "ja": "「無理です。なぜですか？」と君は言う。その人が来たら、君は何と言うかね？",
        "en": 'You say "Please, why should I forgive?" to me. What did you say to the one who asked it of you?',
    }[tongue]
    assert lost(measure(prompt, reply)) == set()


@BOTH
def test_a_farewell_may_do_without_a_question(tongue: str) -> None:
    prompt = {"ja": "ありがとうございました。さようなら。", "en": "Thank you, I have to go now. Goodbye."}
    reply = {
        "ja": "こちらこそ、よい話を聞かせてもらった。気をつけて行きたまえ、また会おう。",
        "en": "It was I who learnt something today. Go well, and come back when it troubles you.",
    }
    farewell, other = measure(prompt[tongue], reply[tongue]), measure(ASKED[tongue], reply[tongue])
    assert farewell.values["question"] > other.values["question"] == 0


@BOTH
def test_a_prompt_of_one_word_leaves_little_to_take_up(tongue: str) -> None:
    prompt = {"ja": "うざい", "en": "Whatever."}[tongue]
    assert measure(prompt, GOOD[tongue]).values["taken_up"] > measure(ASKED[tongue], "…").values["taken_up"]


@pytest.mark.parametrize(
    "reply",
    [
        "神ですら守れぬ約束を、君はどこまで負うつもりだったのかね？",
        "友を励ますのも約束のうちかね、それとも君の好意かね？",
        "君がその約束でしたことを、友は何と呼ぶだろうか？",
    ],
)
def test_letters_of_the_polite_form_inside_of_other_words_are_none(reply: str) -> None:
    assert measure(ASKED["ja"], reply).values["form"] == 1


@BOTH
def test_an_empty_reply_scores_nothing(tongue: str) -> None:
    for reply in ("", "  \n", "。", "?!"):
        assert measure(ASKED[tongue], reply).score < 5
    assert measure(ASKED[tongue], "").score == 0


def test_other_languages_are_measured_too() -> None:
    assert measure("정의란 무엇인가?", "자네에게 정의란 무엇인가, 그것을 어디서 배웠는가?").values["language"] == 1
    assert measure("Qu'est-ce que la vertu ?", "Où l'as-tu vue, cette vertu, pour la dernière fois ?").score > 60


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_has_a_score(prompt: str, reply: str) -> None:
    style = measure(prompt, reply)
    assert 0 <= style.score <= 100
    assert all(0 <= value <= 1 for value in style.values.values())
    assert bool(style.advice) == any(part.value < 1 for part in style.parts)


@settings(deadline=None)
@given(st.text("君だかね？。です「」（）\n aYou?.!*-1", max_size=80), st.text("君約束か？。\n aI?", max_size=20))
def test_any_arrangement_of_what_is_looked_for_has_a_score(reply: str, prompt: str) -> None:
    assert 0 <= measure(prompt, reply).score <= 100


@pytest.mark.parametrize("piece", ["何", "(", "「", "a. ", "だ。", "誰だろうか", "you ", "🙂", "\n- ", "ﷺ"])
def test_a_long_text_is_measured_quickly(piece: str) -> None:
    began = time.process_time()
    assert 0 <= measure(piece * 20_000, piece * 20_000).score <= 100
    assert time.process_time() - began < 1


def test_the_starter_corpus_speaks_as_it_should() -> None:
    scores = [measure(prompt, reply).score for prompt, reply in EXCHANGES]
    assert median(scores) >= 95
    assert quantiles(scores, n=10)[0] >= 65


def test_hardly_any_reply_of_the_starter_corpus_scores_low() -> None:
    low = [reply for prompt, reply in EXCHANGES if measure(prompt, reply).score < 50]
    assert len(low) <= 0.01 * len(EXCHANGES)
