# The two commands of the README, `make demo` and `make test`; `make help` lists the rest.
#
# Each sets up what it needs in .venv first; see requirements/set-up:
#   make demo PYTHON=python3.12
#   make demo WHEELS=<a folder with the wheels of requirements/lock.txt>, which asks no package index
# LDCT_DATA and LDCT_REFERENCE, the folders of the larger tests' data, pass through from the environment.

PYTHON_OF_VENV := .venv/bin/python
.PHONY: help demo test test-slicer weights cases lint lists homepage clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    phantom, quarter dose, every method, figure and table, in demo/"
	@echo "make test    ruff and the tests (TESTS=Testing/test_cli.py for some of them, FAST=1 for the quick ones)"
	@echo "make cases   inputs that once went wrong, one line each: what happens, and what is right"
	@echo "make weights DATA=<patients>  train the weights that ship from random numbers, in weights/ (hours; goes on where it was)"
	@echo "make lint    ruff alone"
	@echo "make test-slicer SLICER=<path to Slicer>   the modules' self tests in a real Slicer; pictures in build/slicer"
	@echo "make lists   write the CMake lists from the files on disk, and the tables of docs/methods.md and docs/weights.md"
	@echo "make homepage URL=<address>  the address of the repository, wherever it stands"
	@echo "make clean   remove .venv, demo/ and caches"

demo:
	@bash requirements/set-up run
	@PYTHONPATH=LDCTDenoise $(PYTHON_OF_VENV) -m LDCTDenoiseLib demo --output demo

# The whole by a process a core, at most four: each holds torch and Slicer's libraries. A file's tests share fixtures.
test: lint
	@$(PYTHON_OF_VENV) -m pytest $(if $(FAST),-m "not slow") $(or $(TESTS),-n auto --maxprocesses 4 --dist loadfile)

cases:
	@bash requirements/set-up test
	@$(PYTHON_OF_VENV) Testing/show_cases.py

# Slicer must have torch, safetensors and scikit-image already: in testing mode nothing is installed.
test-slicer:
	@test -x "$(SLICER)" || { echo "usage: make test-slicer SLICER=<path to the Slicer executable>" >&2; exit 2; }
	@LDCT_SCREENSHOTS="$(CURDIR)/build/slicer" "$(SLICER)" --testing --no-splash --disable-settings \
		--additional-module-paths "$(CURDIR)/LDCTDenoise" "$(CURDIR)/LDCTDenoiseTraining" \
		--python-script "$(CURDIR)/tools/test_in_slicer.py"

# A set of patients, or a folder of images; what is there already is gone on with. STEPS=5 tries it out.
weights:
	@test -e "$(DATA)" || { echo "usage: make weights DATA=<patients.json, or a folder of images> [STEPS=N]" >&2; exit 2; }
	@bash requirements/set-up test
	@PYTHONPATH=LDCTDenoise:LDCTDenoiseTraining $(PYTHON_OF_VENV) -m LDCTDenoiseTrainingLib weights \
		--patients "$(DATA)" --output weights --resume $(if $(STEPS),--steps $(STEPS))

lint:
	@bash requirements/set-up test
	@$(PYTHON_OF_VENV) -m ruff check .

lists:
	@bash requirements/set-up run
	@$(PYTHON_OF_VENV) tools/update_cmake_lists.py
	@$(PYTHON_OF_VENV) tools/update_pages.py

homepage:
	@python3 tools/set_homepage.py "$(URL)"

clean:
	@rm -rf .venv demo build dist .pytest_cache .ruff_cache
	@find LDCTDenoise LDCTDenoiseTraining Testing tools -name __pycache__ -type d -prune -exec rm -rf {} +
