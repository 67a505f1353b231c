//! Small tables.
