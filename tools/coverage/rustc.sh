#!/usr/bin/env bash
# The compiler with counters of coverage. Cargo starts it for the crates of the workspace only.
exec "$@" -Cinstrument-coverage
