# SPDX-License-Identifier: Apache-2.0
#
# Thin on purpose: what a target does is in scripts/, what is compiled is in meson.build.
# Public traces (see docs/) are looked for in TAILRACE_TRACES.
TAILRACE_TRACES ?= ../shared/traces
override TAILRACE_TRACES := $(abspath $(TAILRACE_TRACES))
export TAILRACE_TRACES

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-full validate bench determinism lint fuzz fresh-check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## a real trace simulated, recorded, replayed to the same hash
	@scripts/demo

test: ## everything that a change must pass, within ten minutes
	@scripts/test

test-full: ## the same with larger counts, and on a bare machine
	@scripts/test full
	@scripts/fresh-check

validate: ## the simulator against queueing theory, every cell of docs/validation.md
	@scripts/validate

bench: ## figures, with their spread
	@scripts/bench

determinism: ## the same hashes from every compiler and machine, as a table
	@scripts/determinism

lint: ## formatting and clang-tidy
	@scripts/lint

fuzz: ## each fuzz target for FUZZ_SECONDS (default 60)
	@scripts/fuzz

fresh-check: ## demo and test on a bare Debian 12 with only git and make
	@scripts/fresh-check

clean: ## forget every build
	rm -rf build
