//! The store on SQLite, for one controller
