"""What a person at the keyboard sees: results on stdout, progress on stderr, and the one table of exit codes."""
