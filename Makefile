# Everything runs in .venv, which the first target that needs it sets up.
#   make demo         a dubbed edit of drawn people, and its page, in demo/
#   make test         the quick tests           make test-all   also the slow ones
#   make lint         ruff and mypy             make bench      the figures of bench/
#   make wheel        dist/*.whl                make tiny       the tiny UniSync, trained anew

PYTHON ?= python3
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo picture test test-all lint bench wheel demo-speech draft-weights tiny clean

help:
	@sed -n 's/^#  *//p' Makefile

# MediaPipe asks for the OpenCV build that opens windows and so needs libGL. The headless build of
# the same version takes its place, so that a machine without a display can import cv2.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	version=$$($(BIN)/python -c "from importlib.metadata import version; print(version('opencv-contrib-python'))") && \
	$(BIN)/python -m pip uninstall --quiet --yes opencv-contrib-python && \
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall "opencv-python-headless==$$version"
	touch $@

demo: $(READY)
	$(BIN)/unisync demo demo

# The README's before/after, from the demo's own output.
picture: demo
	$(BIN)/python docs/make_picture.py demo docs/before_after.png

test: $(READY)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-all: $(READY)
	$(BIN)/python -m pytest -m "slow or not slow" $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	set -e; for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script; done

wheel: $(READY)
	rm -rf build dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist

# Needs eSpeak NG; the same version speaks the same bytes.
demo-speech: $(READY)
	$(BIN)/python -m unisync_post.demo.make_speech

# Needs eSpeak NG; goes on where it was cut off. Hours on a CPU: TINY=FOLDER keeps its 8 GB elsewhere.
TINY ?= tiny
tiny: $(READY)
	$(BIN)/python -m unisync_model.tiny $(TINY)

# Needs UNISYNC_FOOTAGE, a folder of talking heads, and eSpeak NG.
draft-weights: $(READY)
	$(BIN)/python -m unisync_post.engines.draft.train

clean:
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
