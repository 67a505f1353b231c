//! The published story on loopback: three clusters, a controller, an engine, in one process
