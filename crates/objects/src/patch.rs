//! The forms of a PATCH.
