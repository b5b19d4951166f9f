"""The door of the command line: `towpath`, or `python -m towpath`."""

import sys

from towpath.version import VERSION

WITHOUT_CLICK = """\
towpath: the command line needs click, which is not installed
  try: pip install "towpath[control]"; serving works without it: python -m towpath.serving BUNDLE
"""


def main() -> None:
    """Run one command and leave with its exit code."""
    words = sys.argv[1:]
    if words == ["--version"]:  # before anything else is imported: it takes 15 ms
        print(f"towpath {VERSION}")
        return
    try:
        from towpath.cli.main import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(WITHOUT_CLICK)
        sys.exit(8)
    sys.exit(run(words))


if __name__ == "__main__":
    main()
