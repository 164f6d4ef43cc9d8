"""Errors of starting and asking a system: one sentence each, for the person at the terminal."""


class ClusterError(Exception):
    """The command cannot go on; the message is one sentence that says why and what to do."""

    exit_code = 1


class SettingsError(ClusterError):
    """A setting is unknown or invalid. Nothing was started."""

    exit_code = 2


class EmbeddedError(ClusterError):
    """A component that runs locally cannot be had or did not start. What had started was stopped."""


class NotReady(ClusterError):
    """The system started, and did not become ready in time."""


class NotRunning(ClusterError):
    """No system runs on this data folder."""


class AlreadyRunning(ClusterError):
    """A system already runs on this data folder; it was left alone."""

    exit_code = 3
