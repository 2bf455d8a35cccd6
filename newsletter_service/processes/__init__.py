"""The long-running processes: web, workers, scheduler, listener; `up` runs one of each."""
