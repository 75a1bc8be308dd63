.PHONY: help run test bench chaos fuzz

help:                ## Say what there is to make
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run:                 ## Build and start broker, rules and API with signalbox.toml and rules/
	cargo run --release --bin signalbox -- serve

test:                ## Install what the tests need, then formatting, lints and all tests
	scripts/test

bench:               ## Signalbox and Mosquitto side by side, then the benches of the parts
	scripts/bench

chaos:               ## Ten minutes of kills under load, then look whether all that was promised arrived (CHAOS_SECONDS=60)
	scripts/chaos

fuzz:                ## Every fuzz target of the rule language for a minute (SECONDS_EACH=60, TARGETS="parser json")
	scripts/fuzz
