# Cloudwright. `make help` tells what can be made.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
UV := .venv/bin/uv
T ?= tests
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

demo: .venv/kvm novnc console          ## a cloud on this machine with an instance running in it
	@$(PY) -m cloudwright demo up

demo-down: .venv/ready           ## end the demo and remove all it made
	@$(PY) -m cloudwright demo down

test: .venv/kvm novnc console packages-test   ## all checks and tests (T=tests/web for a part)
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy
	# What is real waits more than it computes, so it runs beside what is quick. What fails is told, and tried once more before it counts.
	whole=0 ended=0
	$(PY) -m pytest -m real -o cache_dir=.pytest_cache/real $(T) >.real.log 2>&1 & real=$$!
	$(PY) -m pytest -n 2 -m "not real" -o cache_dir=.pytest_cache/quick $(T) || [ $$? = 5 ] ||
	  $(PY) -m pytest -m "not real" --last-failed -o cache_dir=.pytest_cache/quick $(T) || whole=1
	wait $$real || ended=$$?
	cat .real.log
	[ $$ended = 0 ] || [ $$ended = 5 ] || $(PY) -m pytest -m real --last-failed -o cache_dir=.pytest_cache/real $(T) || whole=1
	exit $$whole

dev: .venv/ready                 ## the server alone, on 127.0.0.1:8080, data in .dev
	@$(PY) -m cloudwright server --data .dev

bench: .venv/ready               ## measure, each figure beside its floor
	@$(PY) -m tests.bench

mutation: .venv/ready            ## make each rule of who may what wrong: some test must notice (M="--sample 50" for a part)
	@$(PY) -m tests.mutation $(M)

proofs: .venv/ready packages-test    ## every task fails and dies at each moment, on the three databases
	@CLOUDWRIGHT_PROOFS=full $(PY) -m pytest -n 2 -q tests/proofs

conformance: .venv/ready         ## compare our listApis with the catalogue
	@$(PY) -m tests.conformance

golden: .venv/ready              ## write the golden files anew; review the difference
	@CLOUDWRIGHT_GOLDEN=write $(PY) -m pytest tests/golden tests/appliance tests/guest -q

lint: .venv/ready                ## style and types
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

migration: .venv/ready           ## write the migration from the newest version to the tables (M="what changed")
	@$(PY) -m cloudwright.migrations.write $(M)

lock: .venv/ready                ## resolve the dependencies anew into the lock files
	@$(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate --group dev pyproject.toml -o requirements.lock
	echo libvirt-python | $(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate - -o requirements-kvm.lock

.venv/ready: requirements.lock pyproject.toml
	@images/packages.sh install run || command -v python3 >/dev/null
	if [ -L .venv ]; then echo ".venv is a symbolic link: what it leads to would be emptied. Remove the link." >&2; exit 1; fi
	python3 -m venv --clear .venv
	.venv/bin/pip install -q uv==$(UV_VERSION)
	$(UV) pip install -q --python $(PY) --compile-bytecode --require-hashes -r requirements.lock
	$(UV) pip install -q --python $(PY) --no-deps -e .
	$(PY) -m compileall -q cloudwright
	touch $@

.venv/kvm: .venv/ready requirements-kvm.lock
	@if images/packages.sh install kvm images; then
	  $(UV) pip install -q --python $(PY) --compile-bytecode --require-hashes -r requirements-kvm.lock
	else
	  echo "The packages of a hypervisor host cannot be installed here: the simulator stands in for it." >&2
	fi
	touch $@

novnc: cloudwright/web/static/novnc/.version

cloudwright/web/static/novnc/.version: .venv/ready cloudwright/web/novnc.sh
	@command -v openssl >/dev/null || images/packages.sh install console
	cloudwright/web/novnc.sh
	touch $@

console: cloudwright/web/static/ui/.built   ## build the web console into the package

cloudwright/web/static/ui/.built: .venv/ready requirements-node.lock ui/package-lock.json ui/build.sh ui/node.sh ui/vite.config.ts ui/index.html $(shell find ui/src ui/public -type f)
	@ui/build.sh
	touch $@

packages-test:
	@images/packages.sh install test

help:                            ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { split($$1, name, ":"); printf "  make %-14s %s\n", name[1], $$2 }' Makefile

.PHONY: demo demo-down test dev bench mutation proofs conformance golden lint migration lock packages-test help novnc
