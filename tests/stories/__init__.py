"""One story for each promise, told as a user's day."""
