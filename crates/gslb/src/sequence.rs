//! The smooth weighted sequence that a cursor walks.

/// An order of member indices in which each index `i` appears `weights[i] / gcd` times per cycle, spread as evenly as
/// possible: at each place the member that lags most behind its share comes next, the earlier one on a tie.
///
/// 6:4:2 gives `0 1 0 2 1 0` (twice per cycle of 12). The length is the sum of the weights divided by their greatest
/// common divisor; weights of 0 never appear.
#[must_use]
pub fn smooth_sequence(weights: &[u8]) -> Box<[u16]> {
    let divisor = weights.iter().fold(0, |a, &b| gcd(a, b)).max(1);
    let shares: Vec<i64> = weights.iter().map(|&weight| i64::from(weight / divisor)).collect();
    let total: i64 = shares.iter().sum();
    let mut lag = vec![0_i64; shares.len()];
    (0..total)
        .map(|_| {
            for (lag, share) in lag.iter_mut().zip(&shares) {
                *lag += share;
            }
            let next = (0..lag.len()).rev().max_by_key(|&index| lag[index]).unwrap_or(0);
            lag[next] -= total;
            u16::try_from(next).unwrap_or(u16::MAX)
        })
        .collect()
}

fn gcd(a: u8, b: u8) -> u8 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_story_s_split_is_smooth() {
        assert_eq!(&*smooth_sequence(&[6, 4, 2]), &[0, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn a_canary_of_one_in_41_appears_once_per_cycle() {
        let sequence = smooth_sequence(&[20, 20, 1]);
        assert_eq!(sequence.len(), 41);
        assert_eq!(sequence.iter().filter(|&&member| member == 2).count(), 1);
    }

    #[test]
    fn no_weights_make_no_sequence() {
        assert!(smooth_sequence(&[]).is_empty());
        assert!(smooth_sequence(&[0, 0]).is_empty());
    }

    proptest! {
        #[test]
        fn each_cycle_is_exact_and_every_window_is_close(weights in prop::collection::vec(1_u8..=20, 1..12)) {
            let sequence = smooth_sequence(&weights);
            let total: usize = weights.iter().map(|&w| usize::from(w)).sum();
            prop_assert_eq!(total % sequence.len(), 0);
            for (index, &weight) in weights.iter().enumerate() {
                let count = sequence.iter().filter(|&&m| usize::from(m) == index).count();
                prop_assert_eq!(count * (total / sequence.len()), usize::from(weight));
            }
            // Any prefix stays within one place per member of its exact share.
            for prefix in 1..sequence.len() {
                for (index, &weight) in weights.iter().enumerate() {
                    let count = sequence[..prefix].iter().filter(|&&m| usize::from(m) == index).count() as f64;
                    let share = prefix as f64 * f64::from(weight) / total as f64;
                    prop_assert!((count - share).abs() <= weights.len() as f64, "{count} {share}");
                }
            }
        }
    }
}
