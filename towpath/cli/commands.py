"""The list of commands. Only the one that is asked for is loaded, so that help is there at once."""

import sys
from importlib import import_module

import click

from towpath.cli.session import Noun, write
from towpath.version import VERSION

VERBS = {
    "new": "Begin a service that trains and passes its own tests.",
    "train": "Train services; each run leaves a candidate.",
    "compare": "Compare a candidate with the champion, on the same rows.",
    "pack": "Pack a candidate into a bundle that can be served.",
    "verify": "Check every byte of a bundle and every golden answer.",
    "serve": "Serve bundles over HTTP until told to stop.",
    "load": "Put load on a server and judge how it holds.",
    "score": "Score a file of records: csv, jsonl or parquet.",
    "demo": "Train, pack and serve the reference services, and ask them.",
}
NOUNS = {
    "data": "add, history, checkout, rollback, check, pull, push and more: the data sets of services.",
    "candidate": "list, show, report, tune, track: what training runs left behind.",
    "bundle": "inspect, diff: what is in a bundle, and what changed between two.",
    "log": "show: what services answered, from their prediction log.",
    "deps": "check, diff: whether everything is pinned, and the same everywhere.",
    "config": "show: every setting and where it comes from.",
    "completion": "bash, zsh, fish: the shell's completion script.",
}
EXIT_CODES = (
    "0 done, 1 failed, 2 usage, 3 waiting for approval, 4 blocked by policy or a gate, 5 rolled back, 6 conflict, "
    "7 inconclusive or held, 8 infrastructure, 9 not permitted, 10 verification refused, 11 format newer than this "
    "version, 124 timed out and still running, 130 interrupted"
)


class Commands(Noun):
    """Every command by name; each lives in a file of its own, `towpath/cli/<name>.py`, under its own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS, *NOUNS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS and cmd_name not in NOUNS:
            return None
        command: click.Command = getattr(import_module(f"towpath.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in (("Every day", VERBS), ("And under nouns", NOUNS)):
            with formatter.section(title):
                formatter.write_dl(list(entries.items()))
        with formatter.section("Exit codes"):
            formatter.write_text(EXIT_CODES)


def tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        write(f"towpath {VERSION}", sys.stdout)
        context.exit()


towpath = Commands(
    "towpath",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=tell_version,
            help="Print the version.",
        )
    ],
    help="Take a trained model to an operated service: train, pack, verify, serve.",
    epilog="Example: towpath new shop && towpath train shop && towpath pack shop && towpath serve shop",
)
