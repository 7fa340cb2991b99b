"""What several systems share to learn: recipes, data order, losses, schedules, fitting, checkpoints.

Reading order: recipe -> stream -> losses -> schedule -> fit -> checkpoint. This package imports nothing by
itself: torch and Lightning come with the module that needs them.
"""
