//! The controller: API, store, system objects, snapshots, wired
