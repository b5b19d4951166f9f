"""From data to a proved candidate: fit, evaluate, compile, prove."""
