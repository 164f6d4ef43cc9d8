"""Structured logs: one JSON object a line, carrying the request id wherever the request's work is done."""

import logging
import sys
from contextvars import ContextVar

import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being handled; it travels with the event that the request makes."""
network: ContextVar[str] = ContextVar("network", default="unknown")
"""The network that a request to sign up, log in or out comes from, for what an operator must be able to trace."""


_traces = False


def configure(component: str, level: str) -> None:
    """Send this process's logs to stderr as JSON lines that name the component.

    The stderr is the one that the process began with: Ray Serve replaces it by one that buffers a thousand lines.
    """
    global _traces
    assert sys.__stderr__ is not None, "a process of ours has a stderr"
    _traces = level == "DEBUG"

    def named(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event.setdefault("component", component)
        if current := request_id.get():
            event.setdefault("request_id", current)
        return event

    structlog.configure(
        processors=[
            named,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.__stderr__),
        cache_logger_on_first_use=False,
    )


def logger() -> structlog.typing.FilteringBoundLogger:
    found: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return found


def trace(words: str, **fields: object) -> None:
    """Log one of very many things: written at level DEBUG, and free otherwise."""
    if _traces:
        logger().debug(words, **fields)
