"""Pure. Nothing in towpath.core reads a clock, a file, a socket or the environment, or knows another package."""
