//! Probe results to member state: thresholds, combined checks, time to live
