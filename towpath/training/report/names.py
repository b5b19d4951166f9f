"""What the report is called, and where it says whose it is."""

REPORT = "report.html"
UNNAMED = b"<!--candidate-->"  # replaced by the candidate's name, which it has only when it is kept
