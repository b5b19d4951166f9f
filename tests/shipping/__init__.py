"""Tests of towpath.shipping."""
