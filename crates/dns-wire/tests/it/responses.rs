//! Responses decode in hickory-proto to what was put in, whole or truncated.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::checks::dns_answer_roundtrip::{Data, Record, RelativeName, Script, check};
use crate::queries::query;

fn name() -> impl Strategy<Value = RelativeName> {
    let label = vec(prop_oneof![b'a'..=b'e', Just(b'@'), Just(b'X'), any::<u8>()], 0..20);
    (label, 0..7usize).prop_map(|(label, skipped)| RelativeName { label, skipped })
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        6 => any::<[u8; 4]>().prop_map(Data::A),
        2 => any::<[u8; 16]>().prop_map(Data::Aaaa),
        1 => name().prop_map(Data::Cname),
        2 => name().prop_map(Data::Ns),
        1 => (any::<u16>(), name()).prop_map(|(preference, exchange)| Data::Mx(preference, exchange)),
        1 => vec(vec(any::<u8>(), 0..300), 1..3).prop_map(Data::Txt),
        1 => (name(), name(), any::<[u32; 5]>()).prop_map(|(mname, rname, numbers)| Data::Soa(mname, rname, numbers)),
        1 => (65400..65464u16, vec(any::<u8>(), 1..40)).prop_map(|(rtype, rdata)| Data::Other(rtype, rdata)),
    ]
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let owner = prop_oneof![3 => Just(None), 1 => name().prop_map(Some)];
    // Runs of one owner and type make RRsets that truncation can cut.
    let run = (owner, any::<u32>(), data(), 1..12usize)
        .prop_map(|(owner, ttl, data, length)| vec![Record { owner, ttl, data }; length]);
    vec(run, 0..5).prop_map(|runs| runs.concat())
}

prop_compose! {
    fn script(size_max: std::ops::Range<usize>)(
        query in query(),
        size_max in size_max,
        scope in proptest::option::of(any::<u8>()),
        rcode in 0..24u16,
        sections in [records(), records(), records()],
    ) -> Script {
        Script { query: query.to_vec().unwrap(), size_max, scope, rcode, sections }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_written_is_what_is_read(script in script(65535..65536)) {
        script.check();
    }

    #[test]
    fn truncation_keeps_whole_rrsets_within_the_limit(script in script(500..1500)) {
        script.check();
    }

    #[test]
    fn arbitrary_octets_make_no_undecodable_response(octets in vec(any::<u8>(), 0..40), query in query()) {
        let count = octets.len().saturating_sub(2) / 3;
        let head = [octets.first().copied().unwrap_or(2), octets.get(1).copied().unwrap_or(0), u8::try_from(count).unwrap()];
        let specs: Vec<u8> = octets.iter().skip(2).take(count * 3).copied().collect();
        check(&[&head[..], &specs, &query.to_vec().unwrap()].concat());
    }
}
