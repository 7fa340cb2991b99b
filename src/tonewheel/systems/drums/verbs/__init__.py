"""What `tonewheel drums` can be told to do, a file for each verb or group of verbs."""
