# Each target does the set-up it needs by itself. PYTHON: any Python from 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AREA ?= main
MINUTES ?= 30

.PHONY: setup demo test hil lint bench soak lock clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "plugtone: installing the pinned packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/plugtone demo

test: setup $(VENV)/.compared $(VENV)/.pesq $(VENV)/.esptool $(VENV)/.stubs
	@$(BIN)/python -m tests.run

# A board in hand; BENCH names its bench file, without one it is the simulated board (docs/rig.md).
hil: setup
	@$(BIN)/python -m pytest hil_tests $(if $(BENCH),--bench $(BENCH)) -o junit_family=xunit1 --junitxml build/hil/report.xml \
		--html build/hil/report.html --self-contained-html --css hil_tests/rig/report.css

lint: setup $(VENV)/.stubs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.conventions
	@$(BIN)/python -m tests.device_types

# What speaks to an ESP32's ROM loader: a station with such boards wants it, and its tests.
.PHONY: esptool
esptool: $(VENV)/.esptool
$(VENV)/.esptool: tools/station/flashers/esptool.lock | setup
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement $< && touch $@

# MicroPython's stubs of each real port, in folders of their own: they would hide the host's standard library.
STUBS := $(wildcard tests/stubs/*.lock)
$(VENV)/.stubs: $(STUBS) | setup
	@for lock in $(STUBS); do $(BIN)/python -m pip install --quiet --no-deps --require-hashes --upgrade \
		--target $(VENV)/stubs/$$(basename $$lock .lock) --requirement $$lock || exit 1; done
	@touch $@

bench: setup $(VENV)/.compared
	@$(BIN)/plugtone bench
	@$(BIN)/python -m tests.rollout_scale

# What deltas are held against. It is compiled here: without a C compiler that comparison is left out.
$(VENV)/.compared: tools/bench/compared.lock | setup
	@$(BIN)/python -m pip install --quiet --no-build-isolation --require-hashes --requirement $< && touch $@ \
		|| echo "plugtone: left out: the comparison of deltas with detools (it needs a C compiler)"

# What judges speech: its build looks for NumPy, which is there before it therefore.
PESQ := tests/firmware/adapter/media
$(VENV)/.pesq: $(PESQ)/listening.lock $(PESQ)/pesq.lock | setup
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement $(PESQ)/listening.lock \
		&& $(BIN)/python -m pip install --quiet --no-build-isolation --require-hashes --requirement $(PESQ)/pesq.lock \
		&& touch $@ || echo "plugtone: left out: the quality of concealed speech (PESQ needs a C compiler)"

soak: setup $(if $(filter mutation,$(AREA)),$(VENV)/.mutation) $(if $(filter line,$(AREA)),$(VENV)/.pesq)
	@$(BIN)/python -m tests.soak --area $(AREA) --minutes $(MINUTES)

$(VENV)/.mutation: tests/mutants/mutation.lock | setup
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement $< && touch $@

# After changing a dependency in pyproject.toml; the lock names no index.
lock: setup
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes \
		--no-header --no-annotate --output-file requirements.lock
	@$(BIN)/uv pip compile --group pyproject.toml:compared --universal --generate-hashes \
		--no-header --no-annotate --output-file tools/bench/compared.lock
	@$(BIN)/uv pip compile --group pyproject.toml:mutation --constraint requirements.lock --universal --generate-hashes \
		--no-header --no-annotate --output-file tests/mutants/mutation.lock
	@$(BIN)/uv pip compile --group pyproject.toml:esptool --constraint requirements.lock --universal --generate-hashes \
		--no-header --no-annotate --output-file tools/station/flashers/esptool.lock
	@for port in esp32 rp2; do $(BIN)/uv pip compile --group pyproject.toml:stubs-$$port --universal \
		--generate-hashes --no-header --no-annotate --output-file tests/stubs/$$port.lock || exit 1; done
	@for group in listening pesq; do $(BIN)/uv pip compile --group pyproject.toml:$$group --universal \
		--generate-hashes --no-header --no-annotate --output-file $(PESQ)/$$group.lock || exit 1; done

clean:
	rm -rf $(VENV) build
