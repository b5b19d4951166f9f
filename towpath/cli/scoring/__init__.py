"""Scoring of whole files in bounded memory: read a few rows, answer them, write them, go on."""
