"""The command ``highmark``, which the package installs."""

from __future__ import annotations

import signal
import sys

from ._highmark import command


def main() -> None:
    """Runs the command with the arguments of the process."""
    # Python would take note of Ctrl-C and wait for the command to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(command(["highmark", *sys.argv[1:]]))
