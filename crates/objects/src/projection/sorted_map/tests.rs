use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Insert(u16, u8),
    Remove(u16),
    AddOne(u16),
    Copy,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0_u16..700;
    let step = prop_oneof![
        5 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
        3 => key.clone().prop_map(Step::Remove),
        2 => key.prop_map(Step::AddOne),
        1 => Just(Step::Copy),
    ];
    prop::collection::vec(step, 0..2000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_map_and_its_copies_do_not_change(steps in steps(), asked in prop::collection::vec(0_u16..710, 20)) {
        let (mut map, mut model) = (SortedMap::default(), BTreeMap::new());
        let mut copies = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                Step::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                Step::AddOne(key) => {
                    let (value, expected) = (map.get_or_default(key), model.entry(key).or_default());
                    *value = value.wrapping_add(1);
                    *expected = expected.wrapping_add(1);
                }
                Step::Copy => copies.push((map.clone(), model.clone())),
            }
        }
        copies.push((map, model));
        for (map, model) in &copies {
            prop_assert!(map.iter().eq(model.iter()));
            prop_assert!(map.chunks.iter().all(|chunk| (1..=CHUNK_MAX).contains(&chunk.len())));
            prop_assert_eq!(map.is_empty(), model.is_empty());
            for key in &asked {
                prop_assert_eq!(map.get(key), model.get(key));
                prop_assert!(map.from(key).eq(model.range(key..)));
                prop_assert_eq!(map.at_or_before(key), model.range(..=key).next_back());
            }
            let rebuilt = model.iter().rev().fold(SortedMap::default(), |mut map, (key, value)| {
                map.insert(*key, *value);
                map
            });
            prop_assert_eq!(map, &rebuilt);
        }
    }
}

#[test]
fn a_copy_shares_what_did_not_change() {
    let mut map = SortedMap::default();
    for key in 0..10_000_u32 {
        map.insert(key, key);
    }
    let mut copy = map.clone();
    copy.insert(5_000, 0);
    let shared = map.chunks.iter().zip(&copy.chunks).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
    assert_eq!(shared, map.chunks.len() - 1);
}
