# Holdfast. `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := help
N ?= 8
# See scripts/setup.
PNPM := $(shell command -v pnpm >/dev/null 2>&1 && echo pnpm || echo npx --yes pnpm@12.21.0)

.PHONY: help
help: ## List these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: ## Set up and start everything: in Docker where an engine answers, else under PM2 (HOLDFAST_RUN=docker|metal)
	@scripts/stack up

.PHONY: down
down: ## Stop what `make up` started; the data stays
	@scripts/stack down

.PHONY: reset
reset: ## Stop what `make up` started and delete its data
	@scripts/stack reset

.PHONY: logs
logs: ## Follow the logs
	@scripts/stack logs

.PHONY: ps
ps: ## Show the processes and their health
	@scripts/stack ps

.PHONY: scale
scale: ## Run N workers: make scale N=8
	@scripts/stack scale $(N)

.PHONY: demo
demo: ## 10,000 tasks that fail one time in five, a worker killed in the middle, none lost
	@node loadtest/demo/demo.mjs

.PHONY: scale-benchmark
scale-benchmark: ## Drain rate of 8 workers against 1: handler of 10 ms, concurrency 10
	@node loadtest/scale.mjs

.PHONY: test
test: ## Install what is missing, build, run every test; ends with "N passed, N failed, N skipped"
	@scripts/test

.PHONY: lint
lint: ## Format, lint, types, and generated code against its sources
	@scripts/setup dependencies
	@$(PNPM) run lint

.PHONY: verify
verify: ## Is the generated code fresh?
	@node scripts/generate-bindings.mjs --check

.PHONY: generate
generate: ## Make the script bindings from lua/
	@node scripts/generate-bindings.mjs

.PHONY: build
build: ## Install the dependencies and build everything
	@scripts/setup dependencies build

.PHONY: clean
clean: ## Delete what was built and installed; the data stays
	@rm -rf node_modules packages/*/node_modules services/*/node_modules dashboard/node_modules examples/*/node_modules
	@rm -rf packages/*/dist services/*/dist dashboard/dist coverage
