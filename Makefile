# How Frontrow is run, checked and measured. Every command first makes .venv from compose/requirements.lock.
.DEFAULT_GOAL := help
.PHONY: help run up down parts check packages types pure pure-deciding pure-rest test test-product test-rest e2e onsale storm-of-sales cascade bench chaos verify lock venv
SHELL := /bin/sh
COMPOSE := .venv/bin/python -m compose
BIN := .venv/bin
ROOMS := edge actors store sagas mail loadtest compose

help:  ## what can be made
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## */  make \1\t/' | expand -t 20

venv: .venv/made
.venv/made: compose/requirements.lock
	@sh compose/venv.sh

run: venv  ## everything, in the foreground, until Ctrl-C
	@$(COMPOSE) run

up: venv  ## everything, in the background; returns when it is ready
	@$(COMPOSE) up

down: venv  ## end what runs; data stays in .run
	@$(COMPOSE) down

parts: venv  ## only PostgreSQL, Redis, RabbitMQ, mailbox and Razorpay emulator
	@$(COMPOSE) parts

check: venv  ## lint, types, import contracts, pure tests: under 30 s
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --output-sync=target --jobs=3 types pure

packages: venv
	@$(BIN)/python -m compose.packages

types: venv
	@$(BIN)/mypy $(ROOMS)
	@$(BIN)/lint-imports --no-cache

# in two halves, which check runs beside each other and the types: two processors share out three evenly
DECIDING := tests/actors tests/sagas
pure: pure-deciding pure-rest

pure-deciding: packages
	@$(BIN)/pytest -q -m pure $(DECIDING)

pure-rest: packages
	@$(BIN)/pytest -q -m pure $(DECIDING:%=--ignore=%)

test: check  ## everything, on two private stacks side by side: a test mostly waits for others
	@$(MAKE) --no-print-directory --jobs=2 test-product test-rest

# tests of the whole product as it is used, and all the others
PRODUCT := tests/edge tests/journeys
test-product: packages
	@$(COMPOSE) stack --parts-only --browser -- $(BIN)/pytest -q -m "not pure" $(PRODUCT)

test-rest: packages
	@$(COMPOSE) stack --parts-only -- $(BIN)/pytest -q -m "not pure" $(PRODUCT:%=--ignore=%)

e2e: venv  ## the whole sale, narrated
	@$(COMPOSE) on-stack -- $(BIN)/python -m loadtest.e2e

onsale: venv  ## the races: more buyers than seats, all at once
	@$(COMPOSE) on-stack --own-edge -- $(BIN)/python -m loadtest.onsale

storm-of-sales: venv  ## thousands of sales while the provider repeats, shuffles, fails and is late (SALES=5000, SEED=n)
	@$(COMPOSE) on-stack -- $(BIN)/python -m loadtest.money_storm $(if $(SALES),--sales $(SALES)) $(if $(SEED),--seed $(SEED))

bench: venv  ## what a second holds, beside the bare parts (ROWS="lane edge": these only; FULL=1: the large sizes too)
	@$(COMPOSE) stack --parts-only -- $(BIN)/python -m loadtest.bench $(ROWS)

chaos: venv  ## does to lanes, broker and database what may ever happen to them (SEED=n repeats a run; FULL=1: memory too)
	@$(COMPOSE) stack --parts-only -- $(BIN)/python -m loadtest.chaos $(if $(SEED),--seed $(SEED))

VERIFY = $(BIN)/python -m actors.verify; replayed=$$?; $(BIN)/python -m loadtest.verdict; judged=$$?; \
	$(BIN)/python -m actors.reconcile --all && exit $$(( replayed | judged ))

verify: venv  ## replay the journal, ask provider, notes and mailbox, and explain all of the provider's money
	@$(COMPOSE) on-stack -- sh -c '$(VERIFY)'

cascade: venv  ## a show of 20,000 bookings is cancelled: how long until all are paid back and told (BOOKINGS=n); then verify
	@$(COMPOSE) on-stack -- sh -c '$(BIN)/python -m loadtest.cascade $(if $(BOOKINGS),--bookings $(BOOKINGS)) || exit 1; $(VERIFY)'

lock:  ## pin the newest versions that fit together
	@sh compose/lock.sh
