"""One short script per rule of the workflow, of the same name: parse arguments, call, write."""
