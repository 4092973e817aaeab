//! Slots: fixed shards of members. The actor of a slot owns the order of its members' commands.
use super::MemberId;

/// One of the `Slot::COUNT` slots of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// Number of slots. Never changes within a deployment, like a partition count. 64 keep commits full on a few cores,
    /// and each slot costs a resident actor per domain (7 KB).
    pub const COUNT: usize = 64;

    /// Returns the slot of a member, which never changes.
    pub fn of(member: MemberId) -> Self {
        // Ids grow with time, so the multiplication spreads neighbours before the division.
        let spread = member.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Self((spread % Self::COUNT as u64) as u16)
    }

    /// Returns the number of the slot, 0 to `COUNT` - 1.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::IdGenerator;

    #[test]
    fn members_spread_evenly_over_slots() {
        let mut counts = vec![0_u32; Slot::COUNT];
        let ids = IdGenerator::new(0, 0);
        (0..64_000).for_each(|_| counts[Slot::of(MemberId(ids.next())).index()] += 1);
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 850 && *most < 1150, "{least}..{most}");
    }

    #[test]
    fn a_member_never_changes_slot() {
        // Recorded values: a change would move the members of a running deployment to other slots.
        let slots = [1, 2].map(|id| Slot::of(MemberId(id)).index());
        assert_eq!(slots, [57, 50]);
    }
}
