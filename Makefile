.DEFAULT_GOAL := help
.PHONY: help venv lock demo test up down status clean-cache lint unit typing contract e2e bench-data bench-latency bench-scale bench-snapshot bench-start crds reasons api-reference values test-mutants test-model test-crash test-races test-chaos test-upgrade test-alerts test-hostile soak release release-check
PYTHON_IN_VENV := .venv/bin/python
NAME ?= perago
WORKERS ?= 0

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

venv: ## create or update .venv
	@dev/venv

demo: venv ## run the example on a real cluster, and check what the README claims
	@$(PYTHON_IN_VENV) -m perago_dev demo --name $(NAME)

test: venv ## run all checks and tests in an environment of their own (PARTS="mutants crash" adds what CI adds)
	@dev/test

up: venv ## bring the environment up (NAME=…, WORKERS=…)
	@$(PYTHON_IN_VENV) -m perago_dev up --name $(NAME) --workers $(WORKERS)

down: venv ## remove the environment
	@$(PYTHON_IN_VENV) -m perago_dev down --name $(NAME)

status: venv ## show what is up
	@$(PYTHON_IN_VENV) -m perago_dev status

clean-cache: venv ## remove the cache, which environments share
	@$(PYTHON_IN_VENV) -m perago_dev clean

lint: venv ## check style, types, layers and generated files
	@dev/check

unit: venv ## run the unit tests
	@$(PYTHON_IN_VENV) -m pytest -q tests/unit

typing: venv ## run mypy and pyright over task modules, as an author's editor does
	@$(PYTHON_IN_VENV) -m pytest -q tests/typing

contract: venv ## run the contract tests, with servers on loopback
	@$(PYTHON_IN_VENV) -m pytest -q tests/contract

e2e: venv ## run the end-to-end tests in the environment that is up
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m pytest tests/e2e

test-mutants: venv ## check that the unit tests notice one-line faults (WORDS=… selects some)
	@$(PYTHON_IN_VENV) -m tests.mutants $(WORDS)

test-model: venv ## try the publication protocol in many courses of events, and what broken variants of it show (EXAMPLES=…)
	@$(PYTHON_IN_VENV) -m tests.model $(EXAMPLES)

test-crash: venv ## kill and mislead the operator at every external call, and check what must always hold (PAIRS=…)
	@$(PYTHON_IN_VENV) -m tests.crash $(PAIRS)

test-races: venv ## let publishers race for one branch of a real lakeFS on loopback, and count
	@$(PYTHON_IN_VENV) -m tests.races

lock: venv ## pin what the images install, by the hashes of its wheels, after a change of constraints.txt or of dependencies
	@$(PYTHON_IN_VENV) -m perago_dev.locking

release: venv ## make everything that a release publishes, in dist/VERSION (VERSION=… REGISTRY=…)
	@$(PYTHON_IN_VENV) -m perago_dev.artifacts --registry "$(REGISTRY)" make $(VERSION)

release-check: venv ## make the declared version twice, each time from nothing, and compare all bytes
	@$(PYTHON_IN_VENV) -m perago_dev.artifacts check

crds: venv ## generate crds/ from the models
	@$(PYTHON_IN_VENV) -m perago_operator.api.crds

reasons: venv ## generate docs/reference/reasons.md and pod-template.md from the published words and the table of pod fields
	@$(PYTHON_IN_VENV) -m perago_operator.api.reference

api-reference: venv ## generate docs/reference/api.md from the docstrings of the Python package
	@$(PYTHON_IN_VENV) -m perago_dev.api_reference

values: venv ## generate docs/reference/values.md and the chart's README from its values
	@$(PYTHON_IN_VENV) -m perago_dev.values_reference

bench-latency: venv ## measure latency and memory of attempts in the environment that is up (COUNT=…, LIVES=…)
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m bench.latency $(if $(COUNT),--count $(COUNT)) $(if $(LIVES),--lives $(LIVES))

bench-scale: venv ## measure the operator beside the Job controller, on KWOK nodes and a control plane on loopback (COUNT=…)
	@$(PYTHON_IN_VENV) -m bench.scale $(if $(COUNT),--count $(COUNT))

bench-start: venv ## measure imports and the task side's start against pydantic alone (IMAGE=… measures in an image)
	@$(PYTHON_IN_VENV) -m bench.start $(if $(IMAGE),--image $(IMAGE))

bench-snapshot: venv ## measure change detection against hashing everything
	@$(PYTHON_IN_VENV) -m bench.snapshot

bench-data: venv ## measure transfers against lakectl and curl on a real lakeFS on loopback (SIZE=0.01 for a quick look)
	@$(PYTHON_IN_VENV) -m bench.data $(if $(SIZE),--size $(SIZE))

test-chaos: venv ## let parts of the environment that is up fail while attempts run, and audit (ATTEMPTS=… FAULTS=… SEED=… MINUTES=…)
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m tests.chaos $(if $(ATTEMPTS),--attempts $(ATTEMPTS)) $(if $(FAULTS),--faults "$(FAULTS)") $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

test-upgrade: venv ## change, roll back and remove the release while attempts run, in an environment that is up and has no other (ATTEMPTS=…)
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m tests.upgrade $(if $(ATTEMPTS),--attempts $(ATTEMPTS))

test-alerts: venv ## let Prometheus's own promtool check the chart's alerts, and when they fire
	@$(PYTHON_IN_VENV) -m tests.alerts

test-hostile: venv ## try in the environment that is up what somebody hostile can do, with each defence and without it (SCENES=… WITHOUT=…)
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m tests.hostile "$(SCENES)" --without "$(WITHOUT)"

soak: venv ## run attempts at a steady rate in the environment that is up, and print the operator's memory and connections (HOURS=… RATE=…)
	@PERAGO_ENV=$(NAME) $(PYTHON_IN_VENV) -m tests.chaos.soak $(if $(HOURS),--hours $(HOURS)) $(if $(RATE),--rate $(RATE))
