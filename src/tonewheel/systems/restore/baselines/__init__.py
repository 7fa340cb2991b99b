"""What else a user could pick, to be measured beside ours; a program that is not installed leaves its row out."""
