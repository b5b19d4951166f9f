"""Become nginx with a configuration whose PORT is filled in: python -m bench.racing.nginx CONFIG PORT"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    config, port = Path(sys.argv[1]), sys.argv[2]
    filled = config.with_name(f"{port}.conf")
    filled.write_text(config.read_text().replace("PORT", port))
    os.execvp("nginx", ["nginx", "-c", str(filled)])  # noqa: S606  # a shell is what we do without
