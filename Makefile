# Everything a person or a pipeline runs. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR
RELEASE = $(CARGO_TARGET_DIR)/release/stufpack

.PHONY: help
help: ## Lists the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 14

.PHONY: build
build: ## Builds the release binary
	cargo build --release --locked

.PHONY: demo
demo: build ## Compiles, verifies and records examples/harbour under out/demo/
	@tools/demo "$(RELEASE)"

# These make files and throw them away by the ten thousand.
SCRATCH := $(shell tools/scratch)
quick controller content terraform judges: export TMPDIR := $(SCRATCH)

.PHONY: quick
quick: ## What is fast and needs no engine: formatting, lints, documentation, unit and case tests
	tools/install quick
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet
	cargo test --locked
	tools/test-python

.PHONY: controller
controller: ## Stories of `./migrate`, with Ansible and with a stand-in for it; needs no engine
	tools/install quick
	tools/test-controller

.PHONY: content
content: ## Copies, delta and proof of content from moto to moto, a real Garage and Azurite, case by case; needs no engine
	tools/install content
	tools/test-content

.PHONY: terraform
terraform: ## Plans the Terraform of providers in every case, and breaks it line by line; needs Terraform and its provider
	tools/install terraform
	tools/test-terraform

.PHONY: judges
judges: build ## Outside linters over every generated tree
	tools/install judges
	tools/judge "$(RELEASE)"

.PHONY: pictures
pictures: ## Makes the README's pictures of the plan anew; look at them before they are committed
	tools/install judges
	node tools/judges/pictures.mjs "$${XDG_CACHE_HOME:-$$HOME/.cache}/stufpack/node-judges" golden/harbour/MIGRATION-PLAN.html docs/pictures --make

.PHONY: e2e
e2e: build ## Deploys a package for real on the bench, and tries three mutants (Docker)
	tools/install bench
	tools/install content
	tools/e2e "$(RELEASE)"

.PHONY: mutants
mutants: ## Builds the broken generators that e2e will try; it builds them itself where nobody has
	tools/prove --ahead

.PHONY: prove prove-here
prove: ## Breaks the generator in every named place, and demands that the one in charge notices (Docker)
	tools/kept-clone $(MAKE) prove-here

prove-here: build
	tools/install bench
	tools/install content
	STUFPACK="$(abspath $(RELEASE))" tools/prove
	tools/docker-bench down

.PHONY: ahead
ahead: ## Fetches and builds what e2e needs, its images included
	tools/ahead

.PHONY: test
test: ## Installs what it needs on a bare Debian 12, then everything
	tools/run-all

.PHONY: bench
bench: build ## Prints medians and ratios against peers
	tools/install bench-peers
	tools/bench "$(RELEASE)"

.PHONY: deb
deb: build ## Makes the Debian package, below out/deb/; MAINTAINER='Name <address>' names who publishes it
	tools/install deb
	@tools/deb "$(RELEASE)" out/deb

.PHONY: golden
golden: build ## Rewrites golden/ and shows what changed
	tools/golden "$(RELEASE)"
	git --no-pager diff --stat -- golden
