# `make up` and `make test` do all their own set-up.
# ARGS passes options on: `make up ARGS="--port 9000"`, `make test ARGS="tests/labyard -x"`.

.PHONY: up test setup lint bench docs lock
.DEFAULT_GOAL := up

up: setup
	@.venv/bin/labyard up $(ARGS)

test: setup
	@sh scripts/test.sh $(ARGS)

setup:
	@sh scripts/setup.sh

lint: setup
	@sh scripts/lint.sh

bench: setup
	@.venv/bin/python -m tests.benchmarks $(ARGS)

docs: setup
	@.venv/bin/python scripts/reference.py

lock:
	@sh scripts/lock.sh
