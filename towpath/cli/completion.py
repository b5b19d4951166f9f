"""towpath completion: what makes a shell complete commands, options and services."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from towpath.cli.commands import towpath
from towpath.cli.session import Result, Verb

INSTALL = {
    "bash": "towpath completion bash > ~/.local/share/bash-completion/completions/towpath",
    "zsh": 'towpath completion zsh > "${fpath[1]}/_towpath"',
    "fish": "towpath completion fish > ~/.config/fish/completions/towpath.fish",
}

CLASSES: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(cls=Verb, epilog="Example: " + INSTALL["bash"])
@click.argument("shell", type=click.Choice(list(INSTALL)))
def completion(shell: str) -> Result:
    """Print the completion script of a shell, with the line that installs it."""
    script = CLASSES[shell](towpath, {}, "towpath", "_TOWPATH_COMPLETE").source().strip()
    # zsh wants its #compdef line first, so the advice stands at the end.
    return Result(
        {"shell": shell, "script": script, "install": INSTALL[shell]}, f"{script}\n\n# install: {INSTALL[shell]}"
    )
