//! Desired versus observed objects to an ordered plan of writes
