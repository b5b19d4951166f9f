"""The one place that says which Towpath this is."""

VERSION = "0.1.0"
