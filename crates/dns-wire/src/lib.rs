//! DNS messages on slices: parse a query, build a response
