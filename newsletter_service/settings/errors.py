"""What can go wrong with settings."""


class SettingsError(ValueError):
    """The environment cannot be used; `faults` holds one sentence per fault."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("The settings cannot be used:\n" + "\n".join(f"- {f}" for f in faults))
