"""The scenarios of the runbooks, each told once as an operator would go through it."""
