# make run: install on first use, then open the app.   make test: the gate.   make demo: the loop, headless.
# make language: bring the catalogs of translations up to date with the code.
# make screenshots: draw the pictures in docs/screens anew.
# make starter: train adapters/starter anew from corpus/starter, in 2 minutes on a GPU or several times that on two cores.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.PHONY: run install test demo starter screenshots language lock clean

run: .venv/installed
	@$(BIN)/socrates $(ARGS)

install: .venv/installed

demo: .venv/installed
	@$(BIN)/python -P -m socrates_tui.demo

test: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 3 --dist loadfile $(ARGS)

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Socrates needs Python 3.11 or newer: make install PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: .venv/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@touch $@

STARTER := build/starter
define EMPTIED
import json, sys
version = json.load(open(sys.argv[1], encoding="utf-8"))
version["corpus"] |= {"ids": [], "as_of": ""}  # of a corpus that nobody has
json.dump(version, open(sys.argv[2], "w", encoding="utf-8"), indent=2, ensure_ascii=False)
endef
export EMPTIED
starter: .venv/installed
	rm -rf $(STARTER) && mkdir -p $(STARTER) && echo base > $(STARTER)/active
	for file in corpus/starter/*.jsonl; do $(BIN)/socrates --home $(STARTER) corpus import $$file; done
	$(BIN)/socrates --home $(STARTER) --accept-gemma-terms train --epochs 2 --seed 3 --title Starter
	cd $(STARTER)/versions/v0001 && cp adapter_config.json adapter_model.safetensors eval.json $(CURDIR)/adapters/starter/
	$(BIN)/python -c "$$EMPTIED" $(STARTER)/versions/v0001/version.json adapters/starter/version.json

screenshots: .venv/installed-dev
	$(BIN)/python -m tests.screenshots

language: .venv/installed-dev
	$(BIN)/python -m tests.language

lock: .venv/installed-dev
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf .venv
