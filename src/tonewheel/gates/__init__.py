"""Gates: a gate looks at data (or a model) and gives a verdict; verdicts make a report."""
