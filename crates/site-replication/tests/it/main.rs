//! Sites through the crate's public door: by hand, elected, and ten thousand histories of what can go wrong.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails says where")]

mod by_hand;
mod elected;
mod histories;
mod world;
