# Two commands on a fresh machine: `make demo` and `make test`. All logic is in `cargo xtask`.

# One build directory for every clone and tool; xtask says the same for what is started without make.
CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/meridian/target
export CARGO_TARGET_DIR

# rustup puts cargo here; a shell that was open before does not know it yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.PHONY: help demo test toolchain
.DEFAULT_GOAL := help

help:
	@echo 'make demo              build Meridian and play the story of three clusters on loopback'
	@echo 'make demo ARGS=--fresh the same from the start; ARGS go to `meridian demo`'
	@echo 'make test              everything CI runs: setup, lints, unit to end-to-end tests'
	@echo
	@echo 'cargo xtask --help     the same and more: single steps, layers, tidy, benchmarks'

demo: toolchain
	@cargo xtask demo $(ARGS)

test: toolchain
	@cargo xtask ci $(ARGS)

# What must be there before xtask itself can be built.
toolchain:
	@.ci/toolchain
