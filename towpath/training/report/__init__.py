"""The report of a candidate: one page of HTML that needs no network, for the people who decide."""
