//! Tests of exit codes.
