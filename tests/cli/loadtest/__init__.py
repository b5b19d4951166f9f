"""The parts of `towpath load`, most of them against a small server of their own."""
