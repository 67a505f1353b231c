//! HTTP, HTTPS, TCP and UDP probes on a timetable
