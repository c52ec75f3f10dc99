# `make help` lists the targets. Needed on the machine: python3 (3.10 to 3.13), a Rust toolchain, make.
# Everything else is installed into .venv, nothing outside this folder is changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=
# What runs under both Keras generations.
LEGACY_TESTS := tests/keras tests/cli tests/reports tests/engine/test_oracle.py tests/engine/test_convert_agreement.py

# Records which interpreter the environment was made with: another PYTHON makes another environment.
MADE := $(VENV)/.made-with-$(subst /,_,$(PYTHON))
MATURIN := $(VENV)/.maturin
WHEEL := dist/.built
INSTALLED := $(VENV)/.installed

# Folders are listed as well, so that a deleted file counts as a change.
SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md \
	$(shell find crates python ! -path '*/__pycache__*' ! -name '*.so' ! -name '*.pyd')

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help environment demo test test-rust test-python test-legacy lint lint-rust lint-python format wheel develop bench mutants mutants-python fuzz soak sanitize miri valgrind clean distclean

help: ## list the targets
	@echo 'usage: make [PYTHON=python3.12] TARGET'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## run the main job on real handwritten digits, for Akida 1.0 and for Akida 2.0
	$(BIN)/python examples/digits.py
	@$(call say,digits on Akida 2.0)
	$(BIN)/python examples/digits_akida2.py

test: test-rust test-python test-legacy ## run all tests, Rust and Python

test-rust:
	@$(call say,Rust tests)
	cargo test --workspace --exclude akida-py
	cargo test -p akida-sim --no-default-features

test-python: $(INSTALLED)
	@$(call say,Python tests)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-legacy: $(INSTALLED)
	@$(call say,Python tests of what touches Keras, under Keras 2)
	TF_USE_LEGACY_KERAS=1 $(BIN)/python -m pytest $(PYTEST_ARGS) $(LEGACY_TESTS)

lint: lint-rust lint-python ## check formatting, lints, documentation and the build without std

# The glue crate akida-py has no tests of its own: it needs an interpreter, so the Python tests cover it.
lint-rust:
	@$(call say,Rust formatting and lints)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@$(call say,Rust without std)
	cargo check -p akida-sim --no-default-features
	cargo check -p akida-fbz --no-default-features
	@$(call say,Rust documentation)
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

lint-python: $(INSTALLED)
	@$(call say,Python formatting and lints)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(INSTALLED) ## format all sources
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

environment: $(INSTALLED) ## make the environment, build the wheel and install it there

wheel: $(WHEEL) ## build the wheel into dist/
	@ls dist/akida_sim-*.whl

develop: $(INSTALLED) ## install the package so that edits of Python files take effect at once
	$(BIN)/maturin develop --release

bench: ## measure the engine
	cargo bench --workspace --exclude akida-py

# Narrower: MUTANTS_ARGS='-f crates/akida-sim/src/ops/**'; after new tests, only what was missed: MUTANTS_ARGS=--iterate
mutants: ## change Rust sources on purpose, one place at a time; list what no test notices (hours; needs cargo-mutants)
	cargo mutants --output target $(MUTANTS_ARGS)

# Narrower: MUTANTS_ARGS=python/cnn2snn/conversion/akida1/variables.py
mutants-python: $(INSTALLED) ## the same for the Python part of conversion (hours)
	PYTHONPATH=. $(BIN)/python scripts/mutate_python.py $(MUTANTS_ARGS)

# What a run learns is kept in fuzz/corpus, so that the next run goes on. Fewer executions: FUZZ_DECODE=100000 FUZZ_OTHERS=10000
FUZZ_DECODE ?= 30000000
FUZZ_OTHERS ?= 3000000
fuzz: ## run all fuzz targets (hours; needs cargo-fuzz)
	for target in decode decode_payload decode_encode; do scripts/fuzz $$target -runs=$(FUZZ_DECODE) || exit 1; done
	for target in build_model map_model run_model; do scripts/fuzz $$target -runs=$(FUZZ_OTHERS) || exit 1; done

SOAK_SECONDS ?= 3600
soak: $(INSTALLED) ## run models on 16 threads for SOAK_SECONDS (an hour); no output may change, nothing may grow
	$(BIN)/python scripts/soak.py --seconds $(SOAK_SECONDS)

# Tests that limit memory themselves are left out, as the sanitizer has an allocator of its own.
SANITIZED := cargo test --target $$(rustc -vV | sed -n 's/^host: //p') --target-dir target/sanitize
sanitize: export RUSTC_BOOTSTRAP = 1
sanitize: export RUSTFLAGS = -Zsanitizer=address
sanitize: ## run Rust tests of engine, codec and C interface under AddressSanitizer
	$(SANITIZED) -p akida-sim --lib --test threads --test plan_equals_ops --test plan_equals_ops_akida2
	$(SANITIZED) -p akida-fbz --lib --test hostile --test round_trip --test golden --test files
	$(SANITIZED) -p akida-capi --test sessions --test stop

# The interpreter is slow: the team of threads, interrupts, and the parts of the codec that read hostile bytes.
miri: export MIRIFLAGS = -Zmiri-disable-isolation
miri: ## run unit tests of threads and codec under Miri (needs rustup component add --toolchain nightly miri)
	cargo +nightly miri test --target-dir target/miri -p akida-sim --lib -- threads:: interrupt::
	cargo +nightly miri test --target-dir target/miri -p akida-fbz --lib

valgrind: export RUN_UNDER = valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99
valgrind: ## run the C programs of the tests under valgrind
	cargo test -p akida-capi --test c

clean: ## remove all build products; the environment stays
	rm -rf dist target .mypy_cache .pytest_cache .ruff_cache .hypothesis $(INSTALLED)
	find python -name '*.so' -delete

distclean: clean ## remove the environment as well
	rm -rf $(VENV)

say = printf '\n== %s\n' '$(1)'

$(MADE):
	@command -v $(PYTHON) >/dev/null || { \
	    echo 'error: $(PYTHON) was not found; Python 3.10 to 3.13 is needed, for example: make PYTHON=python3.12 demo'; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || { \
	    echo "error: $(PYTHON) is $$($(PYTHON) --version); TensorFlow has stable wheels for Python 3.10 to 3.13 only;" \
	        'name one of these, for example: make PYTHON=python3.12 demo'; \
	    exit 1; }
	@command -v cargo >/dev/null || { \
	    echo 'error: cargo was not found; a Rust toolchain, version 1.89 or later, is needed (https://rustup.rs)'; \
	    exit 1; }
	@$(call say,making the environment $(VENV) with $(PYTHON))
	@$(PYTHON) -m venv --clear $(VENV) || { \
	    echo 'error: $(PYTHON) -m venv failed; on Debian and Ubuntu it is in the package python3-venv'; \
	    exit 1; }
	@$(PIP) install --upgrade pip
	@touch $@

$(MATURIN): $(MADE)
	@$(call say,installing maturin)
	@$(PIP) install 'maturin>=1.9.4$(comma)<2'
	@touch $@

$(WHEEL): $(MATURIN) $(SOURCES)
	@$(call say,building the wheel)
	@rm -rf dist
	$(BIN)/maturin build --release --out dist
	@touch $@

# The wheel of the same version counts as installed for pip, hence the forced first step; the second adds
# what it depends on and does nothing when that is there.
$(INSTALLED): $(WHEEL)
	@$(call say,installing the package and what it needs (the first time TensorFlow of about 600 MB; takes minutes))
	@$(PIP) install --force-reinstall --no-deps dist/akida_sim-*.whl
	@$(PIP) install "$$(ls dist/akida_sim-*.whl)[dev]"
	@touch $@

comma := ,
