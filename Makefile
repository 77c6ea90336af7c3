.DEFAULT_GOAL := help
.PHONY: help venv demo test up down status lint unit contract e2e bench-latency bench-snapshot bench-start crds test-mutants
PYTHON_IN_VENV := .venv/bin/python
NAME ?= perago
WORKERS ?= 0

help: ## show what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

venv: ## Python packages into .venv
	@dev/venv

demo: venv ## run the main job on a real cluster, and check it
	@$(PYTHON_IN_VENV) -m perago_dev demo --name $(NAME)

test: venv ## all checks and tests, on an environment of their own
	@dev/test

up: venv ## bring the environment up (NAME=…, WORKERS=…)
	@$(PYTHON_IN_VENV) -m perago_dev up --name $(NAME) --workers $(WORKERS)

down: venv ## remove the environment
	@$(PYTHON_IN_VENV) -m perago_dev down --name $(NAME)

status: venv ## what is up
	@$(PYTHON_IN_VENV) -m perago_dev status

lint: venv ## style, types, layers, generated files
	@dev/check

unit: venv ## unit tests: seconds, no server
	@$(PYTHON_IN_VENV) -m pytest -q tests/unit

contract: venv ## contract tests: servers on loopback
	@$(PYTHON_IN_VENV) -m pytest -q tests/contract

e2e: venv ## end-to-end tests on the environment that is up
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m pytest tests/e2e

test-mutants: venv ## one-line faults that the unit tests must notice (WORDS=… for some of them)
	@$(PYTHON_IN_VENV) -m tests.mutants $(WORDS)

crds: venv ## write crds/ from the models
	@$(PYTHON_IN_VENV) -m perago_operator.api.crds

bench-latency: venv ## latency and memory of attempts on the environment that is up
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m bench.latency

bench-start: venv ## import and task-side start against pydantic alone (IMAGE=… measures in an image)
	@$(PYTHON_IN_VENV) -m bench.start $(if $(IMAGE),--image $(IMAGE))

bench-snapshot: venv ## change detection against hashing everything
	@$(PYTHON_IN_VENV) -m bench.snapshot
