"""The loop without a screen, in a scratch home: ask, teach, train, ask again. ``make demo`` runs it.

It needs no more than the command line has, so each step prints the command that does it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

QUESTION = "幸せとは何ですか？"
LESSONS = {
    "幸せとは何ですか？": "君は幸せという言葉を口にしたね。では、君にとって幸せとは何かね？",
    "勇気とは何ですか？": "君は勇気という言葉を口にしたね。では、君にとって勇気とは何かね？",
    "正義とは何ですか？": "君は正義という言葉を口にしたね。では、君にとって正義とは何かね？",
    "友情とは何ですか？": "君は友情という言葉を口にしたね。では、君にとって友情とは何かね？",
    "自由とは何ですか？": "君は自由という言葉を口にしたね。では、君にとって自由とは何かね？",
    "美とは何ですか？": "君は美という言葉を口にしたね。では、君にとって美とは何かね？",
}


def main() -> None:
    """Run the loop and print what was said before and after."""
    with tempfile.TemporaryDirectory(prefix="socrates-demo-") as name:
        home = Path(name)
        ask = ("ask", QUESTION, "--greedy", "--max-new-tokens", "40")
        before = socrates(home, *ask, reading=True)
        lessons = home / "lessons.jsonl"
        with lessons.open("w", encoding="utf-8") as file:
            for prompt, target in LESSONS.items():
                messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": target}]
                file.write(json.dumps({"conversation": prompt, "messages": messages}, ensure_ascii=False) + "\n")
        socrates(home, "corpus", "import", str(lessons))
        socrates(home, "train")
        after = socrates(home, *ask, reading=True)
        print(f"\n{QUESTION}\n  before  {before}\n  after   {after}")


def socrates(home: Path, *arguments: str, reading: bool = False) -> str:
    """Print and run one command; return what it printed, on one line, if ``reading``."""
    print(f"$ socrates {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-P", "-m", "socrates_tui", "--home", str(home), "--accept-gemma-terms", *arguments]
    ran = subprocess.run(command, stdout=subprocess.PIPE if reading else None, text=True, check=False)
    if ran.returncode:
        sys.exit(ran.returncode)
    return " ".join((ran.stdout or "").split())


if __name__ == "__main__":
    main()
