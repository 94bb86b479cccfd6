"""What a command line is to a user's shell: quick, completed, read by programs, quiet in a log."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from LDCTDenoiseLib.cli import bars
from LDCTDenoiseLib.cli.main import PROGRAM, main
from LDCTDenoiseLib.methods import METHODS, NETWORK_METHODS
from LDCTDenoiseTrainingLib.cli.main import PROGRAM as TRAIN

#: What takes longest to import; --help and the list of models need none of them.
_HEAVY = {"torch", "scipy", "pydicom", "SimpleITK", "matplotlib", "skimage", "llvmlite"}


@pytest.mark.slow
@pytest.mark.parametrize("package, argument", [
    ("LDCTDenoiseLib", "--help"), ("LDCTDenoiseLib", "models"), ("LDCTDenoiseTrainingLib", "--help"),
    ("LDCTDenoiseTrainingLib", "train --help"), ("LDCTDenoiseTrainingLib", "completion bash")])
def test_what_only_tells_imports_nothing_heavy(package, argument):
    code = f"""
import sys
sys.argv = ["program", *"{argument}".split()]
from {package}.cli.main import main
try:
    main()
finally:
    print(*{{name.split(".")[0] for name in sys.modules}}, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300,
                          env={"PYTHONPATH": ":".join(filter(None, sys.path)), "LDCT_DENOISE_MODELS": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert not _HEAVY & set(done.stderr.split()), _HEAVY & set(done.stderr.split())
    assert "DCSCN" in done.stdout or "--version" in done.stdout


@pytest.mark.parametrize("program", [PROGRAM, TRAIN])
def test_help_names_every_command_and_what_it_is_for(program, capsys):
    with pytest.raises(SystemExit):
        program.run(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    for name, words in program.commands.items():
        assert f"{name} {words}" in told
    # Every command that there is has a module, and every module of a command is one.
    for name, parser in _commands(program).items():
        assert parser.description, name
    folder = Path(sys.modules[program.package].__file__).parent
    commands = {p.stem.replace("_", "-") for p in folder.glob("*.py") if "def add_parser(commands)" in p.read_text()}
    assert commands - {"completion"} == set(program.commands)


def _commands(program):
    import argparse

    parser = program.parser(*program.commands)
    found = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    return {name: found[name] for name in program.commands}


def test_every_command_that_prints_a_table_prints_it_as_json_too():
    for program, names in ((PROGRAM, ("demo", "compare", "batch", "inspect", "models", "benchmark")),
                           (TRAIN, ("patients", "reproduce", "train"))):
        for name in names:
            assert any("--json" in action.option_strings for action in _commands(program)[name]._actions), name


def test_the_list_of_models_as_json(capsys):
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["models"]
    assert {model["method"] for model in listed} == set(METHODS) - {"RED-CNN", "DCSCN-3S"}  # no weights of them ship
    assert all(Path(model["file"]).is_file() for model in listed if model["method"] in NETWORK_METHODS)


@pytest.mark.skipif(not shutil.which("bash"), reason="without bash there is nothing to complete in")
def test_the_script_completes_commands_options_and_values_in_bash(capsys, tmp_path):
    assert main(["completion", "zsh"]) == 0
    assert "bashcompinit" in capsys.readouterr().out
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "complete"
    script.write_text(capsys.readouterr().out)

    def completed(*words):
        line = " ".join(f"'{word}'" for word in words)
        code = (f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _ldct_denoise; "
                'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.split()

    assert completed("ldct-denoise", "de") == ["demo", "denoise"]
    assert "--leave-noise" in completed("ldct-denoise", "denoise", "in.nrrd", "--le")
    assert completed("ldct-denoise", "denoise", "--method", "DCSW") == ["DCSWGAN"]
    (tmp_path / "scan.nrrd").touch()
    assert completed("ldct-denoise", "denoise", "sc") == ["scan.nrrd"]


def test_a_bar_is_one_line_where_there_is_no_terminal(capsys):
    with bars.progress_bar(40, "doing") as bar:
        for _ in range(40):
            bar.update()
            bar.refresh()
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "\r" not in told and told.startswith("doing") and "40/40" in told
