# Holdfast. `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := help
N ?= 8
MINUTES ?= 30
SECONDS ?= 300
export ROW CHECK MINUTES WINDOWS ONLY
# `make scale-model` reads the assumed load from these variables (bench/scale-model/input.mjs).
export RATE PAYLOAD HANDLER_MS HANDLER_CPU_MS RETENTION PARTITIONS NODES EVEN QUEUES BATCH CONCURRENCY BACKLOG_S KEYS
export KEY_CONCURRENCY RTT_MS NETWORK_GBIT BUSY
# Uses pnpm if it is installed, otherwise downloads it, like run_pnpm in scripts/setup.
PNPM := $(shell command -v pnpm >/dev/null 2>&1 && echo pnpm || echo npx --yes pnpm@12.21.0)

.PHONY: help
help: ## List these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: ## Set up and start everything: in Docker if an engine answers, otherwise under PM2 (HOLDFAST_RUN=docker|metal)
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

.PHONY: key
key: ## Show the admin key, or another secret with NAME=grafana-password; for a shell: $$(make -s key)
	@scripts/stack key $(or $(NAME),api-key)

.PHONY: env
env: ## Print the variables for curl and the command holdfast: eval "$$(make -s env)"
	@scripts/stack env

.PHONY: rotate
rotate: ## Replace a secret and restart its readers: NAME=api-key, k6-key, redis, session, grafana or tls
	@scripts/stack rotate $(NAME)

.PHONY: demo
demo: ## Run 10,000 tasks whose attempts fail one time in five, kill a worker, and check that no task is lost
	@node loadtest/demo/demo.mjs

.PHONY: rolling-restart
rolling-restart: ## Restart every process in turn under load for SECONDS=300: no request fails for good, no task is lost
	@node loadtest/rolling-restart.mjs --seconds $(SECONDS) --redis

.PHONY: scale-benchmark
scale-benchmark: ## Compare the drain rate of 8 workers with that of 1, with handlers of 10 ms and concurrency 10
	@node loadtest/scale.mjs

.PHONY: scale-model
scale-model: ## Estimate the Redis nodes, workers and memory for a load: RATE=50000 PAYLOAD=500 HANDLER_MS=20 (CHECK=1 compares the model with this machine; 6 minutes)
ifeq ($(CHECK),)
	@node bench/scale-model.mjs
else
	@scripts/setup dependencies redis build
	@cd bench && { [[ -d node_modules/groupmq ]] || $(PNPM) install --ignore-workspace --ignore-scripts --frozen-lockfile; }
	@node bench/scale-model.mjs --check $(if $(filter 1,$(QUICK)),--quick) $(if $(filter 1,$(SAVE)),--save)
endif

.PHONY: chaos
chaos: ## Run the fault matrix with real processes: fault, expected, seen, verdict (ROW=name runs one)
	@scripts/setup dependencies redis postgres build
	@node test/chaos/chaos.mjs

.PHONY: flow-control
flow-control: ## Run the 30 acceptance checks of keys, limits and fairness with real processes (CHECK=3,8 runs these)
	@scripts/setup dependencies redis valgrind build
	@node test/flow-control/flow-control.mjs

.PHONY: step-checks
step-checks: ## Run the checks of durable steps that measure Redis or real time (CHECK=3,5 runs only these)
	@scripts/setup dependencies redis valgrind build
	@node test/flow-control/flow-control.mjs --set steps

.PHONY: unique-checks
unique-checks: ## Run the checks of unique tasks that count instructions or wait for minutes (WINDOWS=1000000 windows expire)
	@scripts/setup dependencies redis valgrind build
	@node test/flow-control/flow-control.mjs --set unique

.PHONY: http-checks
http-checks: ## Run the check of workers over HTTP that counts their requests while they are idle, and measures their start
	@scripts/setup dependencies redis python build
	@node test/flow-control/flow-control.mjs --set http

.PHONY: batch-checks
batch-checks: ## Run the check of batches that measures waits in real time
	@scripts/setup dependencies redis build
	@node test/flow-control/flow-control.mjs --set batch

.PHONY: flow-checks
flow-checks: ## Run the checks of flows with real processes: kills, large flows, times (NODES=1000000)
	@scripts/setup dependencies redis build
	@node test/flow-control/flow-control.mjs --set flows

.PHONY: conformance
conformance: ## Run the same cases with the library and with the clients for Python and Go (ONLY=node,python,go)
	@scripts/setup dependencies redis python build
	@node conformance/conformance.mjs

.PHONY: soak
soak: ## Run MINUTES=30 of load while workers, janitors and Redis are killed: no task lost, memory flat
	@scripts/setup dependencies redis build
	@node test/chaos/soak.mjs

.PHONY: operators-load
operators-load: ## Search, discard, restore and replay 100,000 dead letters, and measure PING meanwhile
	@scripts/setup dependencies redis build
	@node loadtest/operators.mjs

.PHONY: compare
compare: ## Compare the speed with bullmq, bull, bee-queue and groupmq in 15 minutes (QUICK=1: 3 minutes; ONLY=steady,cold: these parts)
	@[[ -d node_modules ]] || scripts/setup dependencies
	@scripts/setup redis
	@[[ -f packages/holdfast/dist/index.js && -f services/producer-api/dist/main.js ]] || scripts/setup build
	@cd bench && { [[ -d node_modules/groupmq ]] || $(PNPM) install --ignore-workspace --ignore-scripts --frozen-lockfile; }
	@node bench/compare.mjs $(if $(filter 1,$(QUICK)),--quick) $(if $(ONLY),--only $(ONLY))

.PHONY: targets
targets: ## Write bench/TARGETS.md, which lists every performance target with its last measured figure from `make compare`
	@node bench/compare.mjs --table

.PHONY: test
test: ## Install what is missing, build, run every test; ends with "N passed, N failed, N skipped"
	@scripts/test

.PHONY: check
check: ## Check format, imports, types and the unit tests of changed files before a commit (no Redis, 30 s)
	@scripts/setup dependencies
	@$(PNPM) run check

.PHONY: fuzz
fuzz: ## Send nonsense to every route of the APIs: no 5xx, no hang, nothing invalid accepted (RUNS=1000 per route)
	@scripts/setup dependencies redis build
	@HOLDFAST_FUZZ_RUNS=$(or $(RUNS),1000) npx vitest run test/security/fuzz.redis.test.ts services/dispatcher/test/report-fuzz.redis.test.ts

.PHONY: key-cost
key-cost: ## Compare HTTP ingest with keys and without, as the median ratio of 15 rounds
	@scripts/setup dependencies redis build
	@node loadtest/key-cost.mjs

.PHONY: mutants
mutants: ## Put faults into a copy of the code, and check that a test finds each of them (ONLY=reap)
	@scripts/setup dependencies redis build
	@node scripts/mutants.mjs

.PHONY: lint
lint: ## Check format, lint, types, generated code, the workflows of GitHub and the Helm chart
	@scripts/setup dependencies
	@$(PNPM) run lint
	@scripts/lint-workflows
	@scripts/lint-kubernetes

.PHONY: verify
verify: ## Check that the generated code is up to date
	@node scripts/generate-bindings.mjs --check
	@node scripts/generate-acl.mjs --check
	@node scripts/task-path.mjs --check

.PHONY: generate
generate: ## Make the script bindings from lua/, the Redis users of each role from them, and the list in ARCHITECTURE.md
	@node scripts/generate-bindings.mjs
	@node scripts/generate-acl.mjs
	@node scripts/task-path.mjs --write

.PHONY: pin-images
pin-images: ## Print lines for .env that pin the base images to the digests of their tags: make -s pin-images >>.env
	@scripts/pin-images

.PHONY: sbom
sbom: ## Write sbom.cdx.json, the dependencies of the services and the dashboard (CycloneDX)
	@scripts/setup dependencies
	@npx --yes pnpm@12.21.0 sbom --sbom-format cyclonedx --sbom-spec-version 1.6 --sbom-type application --prod --out sbom.cdx.json

.PHONY: build
build: ## Install the dependencies and build everything
	@scripts/setup dependencies build

.PHONY: pack
pack: ## Write the tarballs of the library, the command and the services into tarballs/
	@scripts/setup dependencies build
	@node scripts/pack.mjs

.PHONY: pack-check
pack-check: pack ## Install the tarballs with npm, pnpm and yarn in empty folders, and run tasks there (ONLY=Jest)
	@scripts/setup redis chromium
	@node test/packages/packages.mjs "$(ONLY)"

.PHONY: matrix
matrix: ## Run Redis tests with each version of Node, Redis and Valkey (ONLY="Redis 7.0"; STRICT=1: none may be missing)
	@scripts/setup dependencies redis build
	@node scripts/matrix.mjs --only "$(ONLY)" $(if $(filter 1,$(STRICT)),--strict)

.PHONY: change
change: ## Describe a change for the changelog of the next release, in .changeset
	@npx --yes --package node@24 --package @changesets/cli@3.0.3 changeset add

.PHONY: version
version: ## Set the version of the next release in all packages, and write its part of the changelog
	@node scripts/version.mjs

.PHONY: docs
docs: ## Build the documentation site into site/dist, run or check every block of it, and look at it in a browser
	@scripts/setup dependencies redis chromium nginx python build
	@cd site && $(PNPM) install --ignore-workspace --ignore-scripts --frozen-lockfile --prefer-offline --reporter=silent
	@node site/build.mjs
	@npx vitest run --root site
	@npx vitest run test/docs test/proxy packages/cli/test/import-bullmq.redis.test.ts
	@if command -v go >/dev/null; then cd clients/go && go test -count=1 -run 'Example|Snippets' .; else echo 'SKIPPED: the Go blocks, because Go is missing'; fi
	@if [[ -x .holdfast/python/bin/pytest ]]; then cd clients/python && ../../.holdfast/python/bin/pytest -q tests/test_docs.py; else echo 'SKIPPED: the Python blocks, because their environment is missing'; fi
	@node test/docs/blocks.mjs

.PHONY: clean
clean: ## Delete built and installed files; the data stays
	@rm -rf node_modules packages/*/node_modules services/*/node_modules dashboard/node_modules examples/*/node_modules
	@rm -rf packages/*/dist services/*/dist dashboard/dist site/dist site/node_modules coverage tarballs
