"""`python -m socrates_tui` is `socrates`."""

from socrates_tui.cli import main

if __name__ == "__main__":
    main()
