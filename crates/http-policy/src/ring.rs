//! The order in which a cursor visits weighted choices.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Places of the longest ring: the largest pool, 5,000 servers, with the largest ratio.
const PLACES_MAX: u64 = 100_000;

/// An order of indices in which each `i` appears `weights[i] / gcd` times, evenly spread, the earlier one on a tie.
///
/// The `k`-th appearance of `i` is due at `(k + 1/2) / weights[i]` of the ring. 5:1:1 gives `0 0 0 1 2 0 0`. Weights of 0 never
/// appear. Where the ring would have over 100,000 places, weights are scaled down, each to at least one place.
#[must_use]
pub fn ring(weights: &[u16]) -> Box<[u16]> {
    let divisor = weights.iter().fold(0, |a, &b| gcd(a, b)).max(1);
    let mut shares: Vec<u64> = weights.iter().map(|&weight| u64::from(weight / divisor)).collect();
    let total: u64 = shares.iter().sum();
    if total > PLACES_MAX {
        for share in shares.iter_mut().filter(|share| **share > 0) {
            *share = (*share * PLACES_MAX / total).max(1);
        }
    }
    // Due times as fractions (2k + 1) / 2w, made comparable by a common scale that keeps 32 bits of precision.
    let due = |turn: u64, share: u64| ((2 * turn + 1) << 40) / (2 * share);
    let mut next: BinaryHeap<Reverse<(u64, usize, u64)>> = shares
        .iter()
        .enumerate()
        .filter(|&(_, &share)| share > 0)
        .map(|(index, &share)| Reverse((due(0, share), index, 0)))
        .collect();
    let mut places = Vec::new();
    while let Some(Reverse((_, index, turn))) = next.pop() {
        places.push(u16::try_from(index).unwrap_or(u16::MAX));
        if turn + 1 < shares[index] {
            next.push(Reverse((due(turn + 1, shares[index]), index, turn + 1)));
        }
    }
    places.into_boxed_slice()
}

fn gcd(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_weights_take_turns() {
        assert_eq!(&*ring(&[100, 100, 100]), &[0, 1, 2]);
    }

    #[test]
    fn heavy_ones_are_spread() {
        assert_eq!(&*ring(&[5, 1, 1]), &[0, 0, 0, 1, 2, 0, 0]);
        assert_eq!(&*ring(&[2, 1]), &[0, 1, 0]);
    }

    #[test]
    fn no_weights_make_no_ring() {
        assert!(ring(&[]).is_empty());
        assert!(ring(&[0, 0]).is_empty());
    }

    #[test]
    fn the_largest_pool_is_ready_soon_and_a_hopeless_one_is_scaled() {
        assert_eq!(ring(&(0..5000).map(|i| 1 + i % 20).collect::<Vec<_>>()).len(), 52_500);
        let scaled = ring(&vec![999; 5000].into_iter().chain([1000, 1]).collect::<Vec<_>>());
        assert!(scaled.len() <= 105_002, "{}", scaled.len());
        assert!(scaled.contains(&5001));
    }

    proptest! {
        #[test]
        fn each_round_is_exact_and_every_prefix_close(weights in prop::collection::vec(0_u16..=20, 1..12)) {
            let ring = ring(&weights);
            let total: usize = weights.iter().map(|&w| usize::from(w)).sum();
            prop_assume!(total > 0);
            prop_assert_eq!(total % ring.len(), 0);
            for (index, &weight) in weights.iter().enumerate() {
                let count = |places: &[u16]| places.iter().filter(|&&place| usize::from(place) == index).count();
                prop_assert_eq!(count(&ring) * (total / ring.len()), usize::from(weight));
                for prefix in 1..ring.len() {
                    let share = prefix as f64 * f64::from(weight) / total as f64;
                    prop_assert!((count(&ring[..prefix]) as f64 - share).abs() <= weights.len() as f64);
                }
            }
        }
    }
}
