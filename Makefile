# The tasks of this repository; `make` alone lists them. Options for parlord: make run ARGS="--listen 0.0.0.0:12345"

SHELL := /bin/sh
.SHELLFLAGS := -ec
.ONESHELL:
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help run test check lint deny tools docs bench bench-peers torture reliability rust compiler

# A freshly installed rustup is not yet in the PATH.
CARGO ?= $(or $(shell command -v cargo),$(wildcard $(HOME)/.cargo/bin/cargo),cargo)
ARGS ?=
RUST_NEEDED := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
TMP_DIR := $(TARGET_DIR)/tmp
# The tests need OpenBSD's `nc`. If another netcat has that name, this folder provides nc.openbsd as `nc`.
NC_DIR := $(TARGET_DIR)/nc
NC_IS_OPENBSD := nc -h 2>&1 </dev/null | grep -q OpenBSD
CC_WORKS := echo 'int main(void) { return 0; }' | cc -x c - -o /dev/null 2>/dev/null

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	echo '  make run ARGS="--listen 0.0.0.0:12345" passes options to parlord; ARGS=--help lists them'

run: rust compiler ## Build and start parlord with ./users.txt, logs in ./logs and the web page on port 8080
	@PARLOR_WEB="$${PARLOR_WEB-127.0.0.1:8080}" exec "$(CARGO)" run --release -- $(ARGS)

test: tools lint ## Install what the tests need, check the source and run all tests
	@export PATH="$(NC_DIR):$$PATH"
	# Cargo builds parlord for its own tests, so the tests of the load tester need not build it again.
	export PARLORD="$(TARGET_DIR)/debug/parlord"
	"$(CARGO)" test --workspace --lib --bins --tests

check: lint deny ## Check format, lints and documentation; also licences and advisories if cargo-deny is installed

docs: rust ## Regenerate the generated parts of docs/
	@UPDATE_DOCS=1 "$(CARGO)" test --test parlor documents

bench: rust ## Measure what a delivery costs the server
	@"$(CARGO)" bench --package parlor-bench --bench delivery $(if $(ARGS),-- $(ARGS))

bench-peers: rust ## Install other servers, compare Parlor with them, update docs/performance.md
	@"$(CARGO)" bench --package parlor-bench --bench peers $(if $(ARGS),-- $(ARGS))

torture: tools ## Run the long tests, which take many minutes, and print the table of promises
	@rm -f "$(TMP_DIR)/promises.tsv"
	export PATH="$(NC_DIR):$$PATH"
	failed=
	try() { name=$$1; shift; "$$@" || failed="$$failed $$name"; }
	try orders "$(CARGO)" test --release --features shuttle --lib nothing_stays_behind
	try deadlocks "$(CARGO)" test --release --features deadlock-detection,failpoints --lib --test parlor
	# The load tester's tests, against the daemon built for the line above.
	try load env PARLORD="$(TARGET_DIR)/release/parlord" "$(CARGO)" test --release --package parlor-bench --test cli
	try models env PROPTEST_CASES=100000 "$(CARGO)" test --release --lib
	export TORTURE=1
	try faults "$(CARGO)" test --release --features deadlock-detection,failpoints --test parlor ordered_faults -- --test-threads=1
	try long "$(CARGO)" test --release --test parlor promises::long -- --test-threads=3
	try rows "$(CARGO)" test --release --test parlor -- promises of_two_hundred_hosts sixty_injections --skip promises::long --test-threads=1
	RELIABILITY=show "$(CARGO)" test --release --test parlor documents_show_every_promise -- --nocapture
	test -z "$$failed" || {
		echo "These parts failed:$$failed. Their lines are above." >&2
		exit 1
	}

reliability: rust ## Copy the figures of the last make torture to docs/reliability.md
	@RELIABILITY=write "$(CARGO)" test --release --test parlor documents_show_every_promise -- --nocapture

lint: rust
	@"$(CARGO)" fmt --version >/dev/null 2>&1 && "$(CARGO)" clippy --version >/dev/null 2>&1 ||
		rustup component add rustfmt clippy || {
		echo 'cargo fmt and cargo clippy are missing: install rustfmt and clippy for this Rust.' >&2
		exit 1
	}
	"$(CARGO)" fmt --all --check
	"$(CARGO)" clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' "$(CARGO)" doc --workspace --no-deps --document-private-items

deny: rust
	@if "$(CARGO)" deny --version >/dev/null 2>&1; then
		"$(CARGO)" deny --log-level warn check bans licenses sources
		# Without a network, the database of advisories that is here has to do.
		"$(CARGO)" deny --log-level error fetch db 2>/dev/null || echo 'The database of advisories could not be fetched.'
		database=$$(ls -td "$${CARGO_HOME:-$$HOME/.cargo}"/advisory-db*/*/ 2>/dev/null | head -n 1)
		if [ -n "$$database" ]; then
			echo "The last advisory is of $$(git -C "$$database" log -1 --format='%cs, %cr' 2>/dev/null || echo 'an unknown day')."
			"$(CARGO)" deny --log-level warn check --disable-fetch advisories
		else
			echo 'There is no database of advisories: they were not checked.'
		fi
	else
		echo 'cargo-deny is not installed: licences, bans, sources and advisories were not checked.'
	fi

rust:
	@if ! command -v "$(CARGO)" >/dev/null; then
		echo 'cargo is missing: install Rust $(RUST_NEEDED) or later with rustup, see https://rustup.rs' >&2
		exit 1
	fi
	have=$$("$(CARGO)" --version | cut -d ' ' -f 2)
	if [ "$$(printf '%s\n' '$(RUST_NEEDED)' "$$have" | sort -V | head -n 1)" != '$(RUST_NEEDED)' ]; then
		echo "cargo is $$have, Parlor needs $(RUST_NEEDED) or later: rustup update, or see https://rustup.rs" >&2
		exit 1
	fi

compiler:
	@$(CC_WORKS) || {
		echo 'A C compiler is missing, which Rust needs to link programs: install gcc and libc6-dev, or run make tools.' >&2
		exit 1
	}

tools: rust ## Install the programs the tests need: nc, telnet, cc, chromium
	@find_missing() {
		missing=
		$(CC_WORKS) || missing="$$missing gcc libc6-dev"
		$(NC_IS_OPENBSD) || command -v nc.openbsd >/dev/null || missing="$$missing netcat-openbsd"
		command -v telnet >/dev/null || missing="$$missing inetutils-telnet"
		command -v chromedriver >/dev/null || missing="$$missing chromium chromium-driver"
	}
	apt() { DEBIAN_FRONTEND=noninteractive $$sudo apt-get -qq -o Dpkg::Use-Pty=0 "$$@" </dev/null; }
	find_missing
	if [ -n "$$missing" ] && command -v apt-get >/dev/null; then
		sudo=
		[ "$$(id -u)" = 0 ] || sudo='sudo -n env DEBIAN_FRONTEND=noninteractive'
		if [ -z "$$sudo" ] || sudo -n true 2>/dev/null; then
			echo "Installing:$$missing"
			apt install -y --no-install-recommends $$missing >/dev/null 2>&1 ||
				{ apt update && apt install -y --no-install-recommends $$missing; } || true
		fi
	fi
	find_missing
	if [ -n "$$missing" ]; then
		echo "The tests need these packages, please install them:$$missing" >&2
		echo '(package names of Debian and Ubuntu; nc has to be the OpenBSD netcat)' >&2
		exit 1
	fi
	rm -rf "$(NC_DIR)"
	if ! $(NC_IS_OPENBSD); then
		mkdir -p "$(NC_DIR)"
		ln -s "$$(command -v nc.openbsd)" "$(NC_DIR)/nc"
	fi
