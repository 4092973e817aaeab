//! Slots: the unit of ownership. A member never changes slot; only a slot changes replica.
use super::MemberId;

/// One of the deployment's slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// Fixed for the life of a deployment, like a partition count. 64 is enough to keep commits
    /// full on a few cores, and every slot costs a resident actor per domain (7 KB).
    pub const COUNT: usize = 64;

    /// The slot of a member, for ever.
    pub fn of(member: MemberId) -> Self {
        // Ids are handed out in order, so neighbours are spread before the division.
        let spread = member.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Self((spread % Self::COUNT as u64) as u16)
    }

    /// 0 to `COUNT` - 1.
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
        // Recorded once: a change here would move members between owners of a running deployment.
        let slots = [1, 2].map(|id| Slot::of(MemberId(id)).index());
        assert_eq!(slots, [57, 50]);
    }
}
