"""Towpath takes a trained model to an operated service and keeps it healthy."""
