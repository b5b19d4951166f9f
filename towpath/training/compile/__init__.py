"""Fitted scikit-learn estimators to graphs and word lists that the engine runs; all else is refused by name."""
