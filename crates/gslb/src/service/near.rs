//! Members by where they stand.

use geo::Point;

use super::{Family, Member, Ring, Rule};

/// The members of a pool by where they stand.
#[derive(Debug)]
pub(crate) struct Near {
    v4: Box<[Stand]>,
    v6: Box<[Stand]>,
}

/// Members that stand at one place, and take turns there.
#[derive(Debug)]
pub(crate) struct Stand {
    /// `None` of those of which it is not known.
    pub(crate) point: Option<Point>,
    pub(crate) ring: Ring,
}

impl Near {
    /// A stand whose members and weights are those of one in `previous` keeps its turn.
    pub(super) fn compile(members: &[Member], previous: Option<&Near>) -> Self {
        let stands = |family: Family| {
            let known = previous.map_or(&[][..], |previous| previous.of(family));
            stands(members, family, known)
        };
        Self { v4: stands(Family::V4), v6: stands(Family::V6) }
    }

    pub(crate) fn of(&self, family: Family) -> &[Stand] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

fn stands(members: &[Member], family: Family, known: &[Stand]) -> Box<[Stand]> {
    let mut points: Vec<Option<Point>> = Vec::new();
    for member in members.iter().filter(|member| member.answers(family)) {
        if !points.contains(&member.point) {
            points.push(member.point);
        }
    }
    let stand = |point: Option<Point>| {
        let is_there = |member: &Member| member.answers(family) && member.point == point;
        let ring = Ring::of_those(members, Rule::RoundRobin, is_there);
        let same = known.iter().find(|known| known.point == point && known.ring.sequence == ring.sequence);
        let cursor = same.map_or_else(|| ring.cursor.clone(), |known| known.ring.cursor.clone());
        Stand { point, ring: Ring { cursor, ..ring } }
    };
    points.into_iter().map(stand).collect()
}
