//! One test binary: the parsers through their public door.

mod checks;
mod parsing;
