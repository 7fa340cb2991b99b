"""What one writes in an afternoon, to be scored beside ours."""
