"""The commands of `towpath data` beyond pull, list and check."""
