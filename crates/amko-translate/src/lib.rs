//! Member clusters' objects and policies to desired GSLB services and health monitors
