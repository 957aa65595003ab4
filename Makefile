# The front door: the same commands for people and for CI. No target reads standard input.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build kernels-cuda test lint format check smoke soak demo bench bench-trainer law-bench law-coverage \
	bench-law bench-orchestration bench-cuda cuda-bundle verify-cuda clean

# One configuration for product and tests: everything is compiled once.
# The import check makes a module that imports what Package.swift does not grant it fail to build.
SWIFT_FLAGS := -c release --explicit-target-dependency-import-check error
PACKAGES := libyaml-dev libsqlite3-dev libgit2-dev libopenblas-dev pkg-config
BIN := .build/release
CUDA_LIBRARY := .build/cuda/libtrainer_kernels_cuda.so

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the missing Debian packages (says which; sudo only when not root)
	@bash scripts/setup $(PACKAGES)

build: setup ## Build .build/release/exp and .build/release/exp-trainer
	swift build $(SWIFT_FLAGS) --product exp </dev/null
	swift build $(SWIFT_FLAGS) --product exp-trainer </dev/null
	@if [ -f $(CUDA_LIBRARY) ]; then cp $(CUDA_LIBRARY) $(BIN)/; fi

kernels-cuda: ## Compile the kernels for GPUs; no GPU is needed, the first time installs NVIDIA's compiler from PyPI
	@command -v g++ >/dev/null || bash scripts/setup g++
	@python3 -m pip --version >/dev/null 2>&1 || bash scripts/setup python3 python3-pip
	@bash scripts/kernels-cuda
	@if [ -d $(BIN) ]; then cp $(CUDA_LIBRARY) $(BIN)/; fi

test: setup ## Build and run all tests; builds the programs too
	@bash scripts/setup git sqlite3 slurm-wlm munge
	swift test $(SWIFT_FLAGS) </dev/null

lint: ## Check format and documentation of every Swift file
	swift format lint --strict --recursive Package.swift Plugins Sources Tests </dev/null

format: ## Format every Swift file
	swift format format --in-place --recursive Package.swift Plugins Sources Tests </dev/null

smoke: build ## A real sweep of a few seconds on the built binary, in a temporary folder
	@bash scripts/smoke $(BIN)

SOAK_MINUTES ?= 30
soak: build ## Kill, cut off power, fill disks, break files at random for SOAK_MINUTES (30); compare all values
	@python3 scripts/soak $(BIN) --minutes $(SOAK_MINUTES) \
		--report .build/soak-report.txt $(SOAK_OPTIONS) </dev/null

check: lint test kernels-cuda smoke ## All that CI runs

demo: build ## Run the quick-start sweep and show what it found
	$(BIN)/exp sweep experiments/quickstart.yaml </dev/null
	@bash scripts/demo-report $(BIN)

bench: build ## Trainer speed on one core, beside the sgemm rate of the same run
	$(BIN)/exp-trainer bench </dev/null

bench-trainer: build ## Trainer speed beside PyTorch's, installed into .build/ first; some minutes
	@bash benchmarks/setup
	@python3 benchmarks/run </dev/null

law-bench: setup
	swift build $(SWIFT_FLAGS) --product law-bench </dev/null

law-coverage: law-bench ## Simulate the coverage of the law's intervals and write it into docs/law
	@set -o pipefail; $(BIN)/law-bench coverage </dev/null | \
		python3 scripts/write-section docs/law/run.md coverage
	@set -o pipefail; $(BIN)/law-bench sizes </dev/null | \
		python3 scripts/write-section docs/law/sizes.md sizes

bench-law: law-bench ## Speed of the law's fits on one core, beside statsmodels where python3 has it
	$(BIN)/law-bench speed </dev/null
	@set -o pipefail; $(BIN)/law-bench data 40 </dev/null | python3 benchmarks/law_statsmodels.py

bench-orchestration: build ## What a sweep costs beside its trainers, beside Optuna and Hydra; a simulated cluster
	swift build $(SWIFT_FLAGS) --product schedule-bench </dev/null
	@python3 benchmarks/orchestration/run </dev/null
	$(BIN)/schedule-bench simulate </dev/null

bench-cuda: ## Speed on a GPU beside PyTorch's, where python3 has it; needs a GPU, the programs and the kernels
	@python3 benchmarks/cuda/run $(CUDA_BENCH_OPTIONS) </dev/null

cuda-bundle: ## Pack programs, tests and kernels for a machine with a GPU and without a compiler
	@bash scripts/cuda-bundle

verify-cuda: ## Check the kernels on this machine's GPU with the bundle, packed anew where there is a Swift toolchain
	@if command -v swift >/dev/null; then $(MAKE) kernels-cuda cuda-bundle; fi
	@rm -rf .build/cuda-bundle && python3 -m tarfile -e .build/cuda-bundle.tar.xz .build
	@bash .build/cuda-bundle/verify .build/cuda-verify

clean: ## Remove build products; never runs/
	rm -rf .build
