//! UDP and TCP loops around one answering function
