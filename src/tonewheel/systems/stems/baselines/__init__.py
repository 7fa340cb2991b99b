"""What takes a mix apart without having learned anything, to be scored beside ours."""
