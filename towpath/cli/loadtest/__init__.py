"""What `towpath load` is made of: where to ask, what to ask, the users, what the server tells, and the report."""
