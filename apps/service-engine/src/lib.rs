//! The service engine: view, DNS, probes, reports, wired
