//! Subscriber, formats, the dictionary of field names
