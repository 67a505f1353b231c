//! Stored objects at a revision to one immutable engine snapshot
