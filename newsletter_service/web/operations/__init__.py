"""Pages and answers for those who keep the service running: *Drift* and /metrics."""
