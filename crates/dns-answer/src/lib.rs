//! A DNS query to its answer: zones, GSLB names, negative answers, explanations
