# Every target is one line onto `python -m …`; `make help` lists them.

PYTHON ?= python3
SHOP ?= shops/demo.yml
RUN_DATE ?=
SAMPLE ?=
NAME ?=
Q ?= select * from run_manifest
GPU ?=
TO ?=

VENV_PYTHON := .venv/bin/python
INSTALLED := .venv/.installed$(if $(GPU),-gpu)
BENCHMARKS := $(basename $(notdir $(shell grep -l __main__ benchmarks/*.py)))
LOCKED := --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" --quiet

# A query and file names go to the commands as they are, with quotes and dollar signs.
export Q SHOP RUN_DATE SAMPLE NAME TO
# Where the caller's shell keeps Python from writing bytecode, each Airflow command would compile for seconds.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help setup nightly shop validate test test-long test-faults test-ui lint up down sql export doctor rotate-key bench lock

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-12s%s\n", $$1, $$2 }'

setup: $(INSTALLED) ## .venv, keys, Airflow's and MLflow's stores; GPU=1 adds the CUDA libraries
	@$(VENV_PYTHON) -m services.setup

nightly: $(INSTALLED) ## one night: SHOP=shops/x.yml and RUN_DATE=YYYY-MM-DD choose the shop and the day
	@$(VENV_PYTHON) -m services.nightly --shop "$$SHOP" $${RUN_DATE:+--run-date "$$RUN_DATE"}

shop: $(INSTALLED) ## draft a shop file from SAMPLE=file.csv, or a folder of files; NAME=mine writes shops/mine.yml
	@$(VENV_PYTHON) -m ingestion.draft_shop "$$SAMPLE" $${NAME:+--name "$$NAME" --write}

validate: $(INSTALLED) ## what a night would make of the files of SHOP=shops/x.yml, and what the outputs lack
	@$(VENV_PYTHON) -m ingestion.validate --shop "$$SHOP" $${RUN_DATE:+--run-date "$$RUN_DATE"}

test: $(INSTALLED) ## the tests, on all cores
	@$(VENV_PYTHON) -m pytest -m "not long and not ui and not faults" --numprocesses auto --dist loadfile

test-long: $(INSTALLED) ## the tests that take minutes: a change of the key killed at every point, the demo shop's answers
	@$(VENV_PYTHON) -m pytest -m long --numprocesses auto --dist loadfile

test-faults: $(INSTALLED) ## every way a night can be broken: killed at every point and at random moments, on a full disk
	@$(VENV_PYTHON) -m pytest -m faults --numprocesses auto --dist loadfile

test-ui: $(INSTALLED) ## report, explorer and logins in a browser, the export to a PostgreSQL; skips what is not installed
	@$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ui.txt
	@$(VENV_PYTHON) -m pytest -m ui

lint: $(INSTALLED) ## ruff and sqlfluff
	@$(VENV_PYTHON) -m ruff check . && $(VENV_PYTHON) -m ruff format --check . && $(VENV_PYTHON) -m sqlfluff lint --processes 0 dbt_project

up: $(INSTALLED) ## Airflow, MLflow, explorer and documentation under a supervisor, on this machine only, with logins
	@$(VENV_PYTHON) -m services.up

down: $(INSTALLED) ## stop what `make up` started
	@$(VENV_PYTHON) -m services.down

sql: $(INSTALLED) ## one query on the published tables: make sql Q="select * from daily_kpis"
	@$(VENV_PYTHON) -m serving_exports.query --shop "$$SHOP" "$$Q"

export: $(INSTALLED) ## the tables to TO=postgres://user@host/database, csv:FOLDER or jsonl:FOLDER
	@$(VENV_PYTHON) -m serving_exports.export --shop "$$SHOP" "$$TO"

doctor: $(INSTALLED) ## what is missing or unsafe, and the line that mends it
	@$(VENV_PYTHON) -m doctor

rotate-key: $(INSTALLED) ## change the key of the pseudonyms, in all shops; call it again if it was interrupted
	@$(VENV_PYTHON) -m services.rotate_key

bench: $(INSTALLED) ## the benchmarks, as tables
	@$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-benchmarks.txt
	@for name in $(BENCHMARKS); do $(VENV_PYTHON) -m benchmarks.$$name || exit 1; done

lock: $(INSTALLED) ## compile each requirements*.in into a hashed lock
	@$(VENV_PYTHON) -m uv pip compile $(LOCKED) requirements.in -o requirements.txt
	@$(VENV_PYTHON) -m uv pip compile $(LOCKED) -c requirements.txt requirements-gpu.in -o requirements-gpu.txt
	@$(VENV_PYTHON) -m uv pip compile $(LOCKED) -c requirements.txt requirements-benchmarks.in -o requirements-benchmarks.txt
	@$(VENV_PYTHON) -m uv pip compile $(LOCKED) -c requirements.txt requirements-ui.in -o requirements-ui.txt

$(INSTALLED): requirements.txt $(if $(GPU),requirements-gpu.txt)
	@$(PYTHON) -m services.install $(if $(GPU),--gpu)
