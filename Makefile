# `make up` and `make test` do all their own set-up.
# ARGS passes options on: `make up ARGS="--port 9000"`, `make test ARGS="tests/labyard -x"`.

.PHONY: up test check setup lint bench bench-check docs lock images
.DEFAULT_GOAL := up

# This folder, or an open copy of it for root where this one is closed to other accounts.
HERE := $(shell sh scripts/place.sh)
$(if $(HERE),,$(error no folder to work in))

up: setup
	@exec "$(HERE)/.venv/bin/labyard" up $(ARGS)

test: setup
	@exec sh "$(HERE)/scripts/test.sh" $(ARGS)

# The inner loop: style, types, and the tests that start no platform, in under three minutes.
check: setup
	@exec sh "$(HERE)/scripts/check.sh"

setup:
	@exec sh "$(HERE)/scripts/setup.sh"

lint: setup
	@exec sh "$(HERE)/scripts/lint.sh"

bench: setup
	@exec "$(HERE)/.venv/bin/python" -m tests.benchmarks $(ARGS)

# The pictures of docs/images, as root.
pictures: setup
	@PYTHONPATH="$(HERE)" exec "$(HERE)/.venv/bin/python" scripts/pictures.py

# Fails where a ratio is worse than the recorded one; `make bench ARGS="--record"` accepts what is measured.
bench-check: setup
	@exec "$(HERE)/.venv/bin/python" -m tests.benchmarks --check $(ARGS)

docs: setup
	@"$(HERE)/.venv/bin/python" scripts/reference.py
	@"$(HERE)/.venv/bin/python" scripts/chart_reference.py

lock: setup
	@exec sh scripts/lock.sh "$(HERE)/.venv/bin/uv"

# `make images ARGS="pytorch-cuda"`; see images/README.md.
# Of this machine it takes `.venv` alone, not the JupyterLab extension and not the tools' environments.
images:
	@LABYARD_SETUP=venv exec sh "$(HERE)/scripts/setup.sh"
	@exec "$(HERE)/.venv/bin/python" images/build.py $(ARGS)
