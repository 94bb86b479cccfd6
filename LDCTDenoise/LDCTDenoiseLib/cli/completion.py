"""`ldct-denoise completion bash`: a script that completes commands and options; no program runs while one types."""

import argparse
import re

from ..engine.device import CHOICES as DEVICES
from ..methods import METHODS

#: What an option takes, where the option itself does not know.
_VALUES = {"--method": METHODS, "--methods": METHODS, "--device": DEVICES}


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "completion",
        description="Print a script that completes commands and options. For bash, in ~/.bashrc: "
        'eval "$(%(prog)s bash)"; for zsh, in ~/.zshrc after compinit: eval "$(%(prog)s zsh)".',
    )
    parser.add_argument("shell", choices=("bash", "zsh"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    # The same script: zsh has bash's `complete` once it is told so.
    head = "autoload -U +X bashcompinit && bashcompinit\n" if arguments.shell == "zsh" else ""
    print(head + script(arguments.program.parser(*arguments.program.commands)), end="")


def script(parser: argparse.ArgumentParser) -> str:
    """Return the completion of a parser with subcommands, for bash."""
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    values, cases = {}, []
    for name, command in commands.choices.items():
        options = [option for action in command._actions for option in action.option_strings]
        cases.append(f'        {name}) words="{" ".join(options)}" ;;')
        for action in command._actions:
            for option in action.option_strings:
                if known := _VALUES.get(option, action.choices or ()):
                    values[option] = " ".join(map(str, known))
    function = "_" + re.sub(r"\W", "_", parser.prog)
    lines = [
        f"{function}() {{",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""',
        '    case "$before" in',
        *(f'        {option}) COMPREPLY=($(compgen -W "{known}" -- "$word")); return ;;'
          for option, known in sorted(values.items())),
        "    esac",
        '    if [ "$COMP_CWORD" -eq 1 ]; then',
        f'        COMPREPLY=($(compgen -W "{" ".join(commands.choices)} --help --version" -- "$word")); return',
        "    fi",
        '    case "${COMP_WORDS[1]}" in',
        *cases,
        "    esac",
        '    case "$word" in',
        '        -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;',
        '        *) COMPREPLY=($(compgen -f -- "$word")) ;;',
        "    esac",
        "}",
        f"complete -o filenames -F {function} {parser.prog}",
    ]
    return "\n".join(lines) + "\n"
