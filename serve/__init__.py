"""The HTTP service: routes translate, use cases decide, one table turns errors into answers.

An area is a folder with the same files: `routes`, `schemas`, `commands` (what changes something), `queries` (what
reads). Areas build on `reading`, `writing` and `http`, which know no area; `areas` lists them, and `composition` makes
their use cases. It all may import `domain`, `telemetry` and `storage`, and knows neither `actors` nor `dataflows`. Ray
appears in `deploy` alone; everything else runs under any ASGI server.
"""
