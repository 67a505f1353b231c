//! Input into stored form.
