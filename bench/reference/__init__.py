"""The runbooks' own serving stacks, written anew from their description, for bench/serving.py to race."""
