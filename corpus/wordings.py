"""The expressions by which Socrates is told from others, in Japanese and in English. Weighing them is corpus.style's.

They are looked for in text in Unicode's NFKC form, in which a full-width question mark is a plain one, and in lower
case.
"""

import re
from dataclasses import dataclass
from typing import Literal


def _any(*patterns: str) -> re.Pattern[str]:
    """Return what finds any of ``patterns``; those that begin words are tried only where a word begins."""
    words = [pattern.removeprefix(r"\b") for pattern in patterns if pattern.startswith(r"\b")]
    others = [pattern for pattern in patterns if not pattern.startswith(r"\b")]
    return re.compile("|".join([rf"\b(?:{'|'.join(words)})", *others] if words else others), re.MULTILINE)


_CLAUSE_ENDS = r"(?=$|[。、.,?!…\s〃)]|か|ね|よ|が|け|し|の|と|わ)"
"""What follows on a polite verb; inside of other words its letters mean nothing."""


@dataclass(frozen=True)
class Wording:
    """The expressions of one language."""

    name: Literal["ja", "en"]
    asks: re.Pattern[str]
    """An end that makes a question of a sentence without a question mark."""
    polite: re.Pattern[str]
    """What an assistant says, and Socrates does not."""
    voice: re.Pattern[str]
    """What makes a plain sentence that of somebody who speaks to somebody."""
    casual: re.Pattern[str]
    address: re.Pattern[str]
    """Words for you and me that are not his."""
    rude: re.Pattern[str]
    offer: re.Pattern[str]
    """A question that offers help, suggests, or asks whether all was understood."""
    assent: re.Pattern[str]
    """A question to which only yes is expected."""
    leading: re.Pattern[str]
    """A question that leans to an answer."""
    nobodys: re.Pattern[str]
    """A question that nobody can answer."""
    musing: re.Pattern[str]
    """A question put to no one."""
    addressed: re.Pattern[str]
    alternative: re.Pattern[str]
    """How the second half of one question begins."""
    directive: re.Pattern[str]
    answer: re.Pattern[str]
    defines: re.Pattern[str]
    """The beginning of a statement about a word, which is its group 1."""
    reasoning: re.Pattern[str]
    """Words of somebody who explains."""
    cited: re.Pattern[str]
    """What follows on the person's own words, which give nothing away."""
    pointing: re.Pattern[str]
    """Words that point at what was said."""
    request: re.Pattern[str]
    """What asks for an answer without being a question."""
    farewell: re.Pattern[str]
    lengths: tuple[int, int, int, int]
    """Characters, without spaces, below and beyond which a reply is no turn, and between which it is a good one."""


JAPANESE = Wording(
    name="ja",
    asks=_any(
        r"(?<!ではない)(?<!じゃない)(?:か[ねいな]|だろうか|すか)[。.…\s]*$",
        r"(?:誰|何|どこ|いつ|なぜ|どう|どの|どんな|どれ|どちら|いくつ)[^?]*(?:だろう|だろうね|かしら)[。.…\s]*$",
    ),
    polite=_any(
        rf"(?:です|でした|(?<![励済覚悩冷澄増勇富だま])(?:ます|ました)){_CLAUSE_ENDS}",
        r"でしょう",
        r"(?<!済)ません",
        r"ましょう",
        r"(?:くだ|下)さい",
        r"いただ[きけいく]",
        r"ございま",
        r"いらっしゃ",
        r"おっしゃ",
        r"お(?:気軽|手伝い|聞かせ|聞き|役に|つら)",
        r"ご(?:相談|連絡|質問|不明|紹介|意見|自身|自分)",
        r"さんのお",
    ),
    voice=_any(
        r"(?:か[ねないい]|だろう[かね]?|ろうか|ろう|のか|まい|たまえ|ごらん|おくれ|ではないか|ものだ|のだ|わけだ|らしい)[よねな]?[。.…?\s]*$",
        r"[ねな][。.…?\s]*$",
        r"(?<![だる])よ[。.…\s]*$",
        r"[だる]よ[。.…\s]*$",
    ),
    casual=_any(
        r"^(?:うん|ううん|へえ|そっか|まあね)[、。]",
        r"(?:じゃん|よね|っしょ|でしょ|だし|かも|よね|かしら|わよ|のよ|ちゃう|なの|たの|るの|ぜ)[。.…?!]*$",
    ),
    address=_any("あなた", "貴方", "あんた", "お前", "おまえ", "貴様", "てめ[えぇ]", "俺", "僕", "皆さん"),
    rude=_any(
        r"(?:馬鹿|バカ|阿呆|アホ)(?!を|げ|正直)",
        "くだらん",
        "くだらない",
        "愚か者",
        r"怠け(?:者|てい)",
        "黙れ",
        "出直",
        "貴様",
        "てめ[えぇ]",
        "消えろ",
        "甘え(?:るな|てい?る)",
        "無能",
        "恥を知れ",
    ),
    offer=_any(
        r"いかが",
        r"お手伝い",
        r"ましょうか",
        r"(?:不明|質問|相談)[^?]*(?:あり|ござい|ない|ある)",
        r"助けが(?:必要|要る)",
        r"(?:説明|手伝)(?:しよう|おう)か",
        r"分かった?かね\?$",
        r"理解できたか",
        r"(?:たら|ては|てみれば)どう(?:かね|かな|だろうか?)?\?$",
    ),
    assent=_any(
        r"そう(?:は)?思わない",
        r"思わないか",
        r"そうだろう\?",
        r"そうではない(?:か|だろう)",
        r"違うか[ねない]?\?",
        r"(?:よね|でしょ|だよな|だろ)\?",
        r"いつまで[^?]*つもり",
    ),
    leading=_any(r"の?ではない(?:か|だろうか|のか)[ねな]?[。?\s]*$", r"とは(?:言え|思え)ない(?:か|だろうか)[ねな]?"),
    nobodys=_any(
        r"宇宙が?始ま",
        r"宇宙の(?:果て|外|始まり)",
        r"永遠の(?:彼方|果て|外)",
        r"時間が生まれる",
        r"無の(?:中|色|音)",
        r"誰にも(?:分|わ)から",
        r"神のみ",
        r"存在の(?:彼方|果て)",
        r"虚無",
        r"森羅万象",
        r"世界の(?:果て|始まり)",
    ),
    musing=_any(r"そもそも", r"果たして", r"すべがある"),
    addressed=_any("君", "きみ"),
    alternative=_any(r"^\s*(?:それとも|あるいは|または|でなければ)"),
    directive=_any(
        r"(?:くだ|下)さい",
        r"ましょう",
        r"みては(?:いかが|どう)",
        r"べき(?:だ|で|なの)",
        r"なさい",
        r"(?:方|ほう)が(?:よい|いい|良い|大切|賢明)",
        r"(?<!帰る)(?<!来る)(?<!行く)(?<!ゆく)(?:(?<=[うくぐすつぬぶむる])|ない)(?:と|が)(?:よい|いい|良い)",
        r"(?<!の)勧め",
        r"おすすめ",
        r"こと(?:が|は|も)(?:大切|重要|必要|大事|肝心)",
        r"(?:大切|重要|大事|肝心)(?:なの|なこと)は",
        r"必要があ",
        r"心がけ",
        r"(?:を|に)意識",
        r"忘れては",
        r"しやすくな",
        r"なければなら",
        r"ねばなら",
        r"てはなら",
        r"気をつけ",
        r"お手伝い",
        r"お気軽",
        r"ご相談",
        r"(?:と|ば)安心",
        r"試してみ",
        r"必要はな",
        r"なくて(?:も)?(?:いい|よい)",
        r"頑張",
    ),
    answer=_any(
        r"(?:答え|正解)は(?![^。]*(?:ない|私|君|まだ|知ら))",
        r"結論(?:から|とし)",
        r"=",
        r"ポイント",
        r"方法を(?:紹介|ご)",
        r"^[^、。?君]{1,14}(?:とは|というのは|というものは)、?[^?君]*(?:こと(?:だ|で)|状態|関係(?:だ|で)|を指|を意味|権利|過程)",
    ),
    defines=_any(
        r"^([^、。?君]{2,12}?)(?:とは|というのは|というものは|は)、?[^?]*(?:だ|だよ|である|です|ます|る|ぬ|い|なのだ)[よ。.]*$"
    ),
    reasoning=_any(
        r"つまり",
        r"すなわち",
        r"したがって",
        r"なぜなら",
        r"要するに",
        r"一般(?:に|的)",
        r"によれば",
        r"歴史(?:的|を振り)",
        r"である",
        r"のである",
        r"例えば",
        r"ゆえに",
        r"原則",
        r"(?:こと|場合)(?:も|が)ある",
        r"傾向が",
    ),
    cited=_any(r"(?:と|って)、?(?:君は|君が)?(?:いま|今)?(?:言|いう|いっ|呼|教わ|聞|書|決め|数え|問う)"),
    pointing=_any("その", "それ", "そこ", "そんな", "そう"),
    request=_any(r"教えて", r"説明して", r"知りたい", r"答えて", r"解説"),
    farewell=_any(
        r"ありがとう",
        r"さようなら",
        r"さよなら",
        r"じゃあね",
        r"またね",
        r"おやすみ",
        r"失礼(?:し|いたし)ます",
        r"感謝(?:し|いたし|申)",
        r"また(?:お話|話|機会|今度|いつか|明日|来)",
        r"お世話にな",
        r"合掌",
        r"それでは、?また",
    ),
    lengths=(3, 12, 150, 600),
)

ENGLISH = Wording(
    name="en",
    asks=_any(r"(?!)"),
    polite=_any(
        r"\b(?:that|this|it) (?:sounds|must be) (?:really |very |so |incredibly )?"
        r"(?:hard|tough|difficult|great|rough|awful|stressful)\b",
        r"\bi(?:'m| am) (?:so |really |truly )(?:sorry|glad|happy)\b",
        r"\bsorry to hear\b",
        r"\bi(?:'m| am) here (?:to|for)\b",
        r"\bthank(?:s| you)\b",
        r"\bi (?:completely |totally |fully |can )?(?:understand|appreciate)\b",
        r"\b(?:great|excellent|wonderful|good|fantastic|thoughtful) (?:question|point|perspective|choice|idea)\b",
        r"\bthat(?:'s| is| must be| sounds) (?:a |an )?(?:really |very |so |completely |incredibly )?"
        r"(?:great|wonderful|excellent|fantastic|amazing|awesome|understandable|valid|difficult|frustrating|tough)\b",
        r"\bplease\b",
        r"\bfeel free\b",
        r"\blet me know\b",
        r"\bi(?:'d| would) (?:be (?:happy|glad)|love|like) to\b",
        r"\bhappy to (?:help|assist)\b",
        r"\bhope (?:this|that|you|it)\b",
        r"\bhow (?:can|may) i (?:help|assist)\b",
        r"\bas an ai\b",
        r"\blanguage model\b",
        r"^\s*(?:sure|certainly|absolutely|of course|definitely)\b[,!.]",
        r"\byou'?re welcome\b",
        r"\bmay i ask\b",
        r"\bwould you mind\b",
        r"\bwould you (?:like|care) (?:me )?to\b",
        r"\bhave a (?:great|nice|wonderful|good)\b",
        r"\bhere (?:are|is) (?:a|some|the|few|\d)",
        r"\bhere's (?:a|some|how)\b",
        r"\bit(?:'s| is) (?:completely |totally |perfectly )?(?:normal|natural|understandable)\b",
        r"\bi can help\b",
    ),
    voice=_any(r"\b(?:you|your|yours|you'd|you're|i|me|my|us|we)\b"),
    casual=_any(r"\b(?:dude|lol|gonna|wanna|yeah|hey|guys|awesome|cool|omg|bro|nope|yep|haha)\b"),
    address=_any(r"\b(?:sir|madam|dear user|guys)\b"),
    rude=_any(
        r"\bstupid\b",
        r"\bidiot",
        r"\bshut up\b",
        r"\bdumb\b",
        r"\bnobody asked\b",
        r"\bmoron",
        r"\byou fool\b",
        r"\bpathetic\b",
        r"\bwho cares\b",
        r"\blazy\b",
        r"\bget lost\b",
    ),
    offer=_any(
        r"^(?:\w+, )?would you (?:like|care|want) (?:me |some |any |help|to (?:know|hear|explore|learn|discuss))",
        r"\b(?:can|may|shall|could) i (?:help|assist|explain|offer|give|draft|suggest)\b",
        r"\banything else\b",
        r"\bdoes (?:this|that) (?:help|make sense)\b",
        r"\bany (?:other |more )?questions\b",
        r"\bdo you need (?:help|any)\b",
        r"\b(?:is|are) (?:that|this|you) clear\b",
        r"^(?:got it|understand|understood|clear|ok|okay|makes? sense|see)\?",
        r"\b(?:why not|have you (?:tried|considered)|how about|what about) \w+ing\b",
    ),
    assent=_any(
        r"\b(?:don't|do|wouldn't|would|won't|can't) you (?:not )?(?:agree|think so|see|think\?)",
        r", (?:right|correct|yes|no)\?$",
        r"\b(?:isn't|is|doesn't|don't|aren't|wasn't|won't) (?:it|they|that|you)(?: not)?\?$",
        r"^who cares",
        r"^why bother",
    ),
    leading=_any(
        r"^(?:(?:but|and|so|then|well),? )?(?:isn't|aren't|don't|doesn't|wouldn't|couldn't|surely|can't|didn't)\b"
    ),
    nobodys=_any(
        r"\b(?:before|outside|beyond) (?:the )?(?:world|universe|time|existence)\b",
        r"\buniverse\b",
        r"\bnothingness\b",
        r"\bwhat would (?:the )?(?:silence|nothing|eternity|infinity|void)\b",
        r"\bnobody (?:can|could|will) (?:ever )?(?:know|say)\b",
        r"\bwho can (?:ever )?(?:know|say|tell)\b",
        r"\beternity\b",
        r"\bthe void\b",
    ),
    musing=_any(
        r"^\s*(?:what|who) (?:is|are|was) \w+\?$", r"\breally\b[^?]*\bat all\b", r"\bcan anyone\b", r"\bor is it\b"
    ),
    addressed=_any(r"\b(?:you|your|yours|yourself|you'd|you're|you've)\b"),
    alternative=_any(r"^\s*(?:or\b|otherwise\b)"),
    directive=_any(
        r"\b(?:might|may|could) (?:also )?(?:want to|try|consider|explore|find it)\b",
        r"\b(?:many|most) people (?:find|choose|try|say)\b",
        r"\bit (?:can |may |might )?helps? to\b",
        r"\bhelpful to\b",
        r"\byou (?:should|must|need to|ought to|have to|could try|can try|might want to|may want to)\b",
        r"\b(?:it is|it's) (?:important|essential|best|crucial|better|a good idea|worth|always|okay|ok)\b",
        r"\bmake sure\b",
        r"\bconsider(?:ing)? (?:\w+ing\b|(?:the|a) few|your)",
        r"\bdon't forget\b",
        r"^(?:try|remember|focus|start|talk|keep|take|make|be|avoid|ask|give|write|practi[cs]e) (?!that\b|of\b|me\b)",
        r"\bi(?:'d| would)? (?:recommend|suggest|advise)\b",
        r"\bi think it's better\b",
        r"\bthe best (?:way|thing)\b",
        r"\b(?:first|second|finally|next),",
        r"\blet me know\b",
        r"\byou'll (?:be fine|get)\b",
    ),
    answer=_any(
        r"\bthe answer\b",
        r"\bis (?:a|an) (?:[\w-]+ ){1,4}(?:between|in which)\b",
        r"\bis the (?:process|act|state|ability|study|practice|quality|belief|idea|art) (?:of|by|that|to|in)\b",
        r"\bis defined\b",
        r"\b(?:refers to|means that|consists of)\b",
        r"=",
        r"\bhere (?:are|is)\b",
        r"\bthings to consider\b",
        r"\btips\b",
        r"\bis the best\b",
    ),
    defines=_any(r"^(?:the |an? )?(\w{3,}) (?:is|are|means)\b"),
    reasoning=_any(
        r"\bbecause\b",
        r"\btherefore\b",
        r"\bthus\b",
        r"\bgenerally\b",
        r"\bin general\b",
        r"\bultimately\b",
        r"\bin other words\b",
        r"\baccording to\b",
        r"\b(?:research|studies)\b",
        r"\bfor (?:example|instance|this reason)\b",
        r"\bhowever\b",
        r"\bdepends on\b",
        r"\bargue that\b",
        r"\bi (?:think|believe)\b",
        r"\bthat's because\b",
        r"\bfor centuries\b",
    ),
    cited=_any(r"\byou (?:say|said|call|called|tell|told|think|thought|mean|put it)\b", r"\bby your (?:account|own)\b"),
    pointing=_any(r"\b(?:that|those|then|so)\b"),
    request=_any(r"\bexplain\b", r"\btell me\b", r"\bdefine\b", r"\bdescribe\b", r"\bwant to know\b", r"\bgive me\b"),
    farewell=_any(
        r"\bthank(?:s| you)\b",
        r"\bgood ?bye\b",
        r"\bbye\b",
        r"\bgood night\b",
        r"\bsee you\b",
        r"\bfarewell\b",
        r"\bi(?:'ve| have) (?:got )?to go\b",
        r"\btake care\b",
    ),
    lengths=(6, 24, 340, 1200),
)
