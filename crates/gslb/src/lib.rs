//! Which members of a GSLB service answer, and why
