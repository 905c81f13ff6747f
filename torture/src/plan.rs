//! What becomes of a connection: chosen by the client, told to the server in the first bytes.

use std::time::Duration;

use fastrand::Rng;

use crate::pattern::Pattern;

/// How many bytes tell the plan.
pub(crate) const HEADER: usize = 17;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Small messages with pauses between, for a long time.
    Chat,
    /// As much as fits, and half-closed when all is sent, while the answer is on its way.
    Bulk,
    /// The same, read by a client that takes its time.
    Slow,
    /// The client resets it halfway.
    ResetByClient,
    /// The server resets it halfway.
    ResetByServer,
    /// The client closes it, and leaves half of the answer unread.
    Leave,
}

/// Beside each kind, how many of a hundred connections are of it.
const KINDS: &[(Kind, u32)] = &[
    (Kind::Chat, 86),
    (Kind::Bulk, 4),
    (Kind::Slow, 4),
    (Kind::ResetByClient, 2),
    (Kind::ResetByServer, 2),
    (Kind::Leave, 2),
];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    seed: u64,
    /// How many bytes the client sends, and the server answers with.
    pub(crate) total: u64,
}

impl Plan {
    pub(crate) fn random(random: &mut Rng) -> Plan {
        let mut place = random.u32(0..100);
        let kind = KINDS.iter().find(|(_, share)| match place.checked_sub(*share) {
            Some(rest) => {
                place = rest;
                false
            }
            None => true,
        });
        let kind = kind.map_or(Kind::Chat, |(kind, _)| *kind);
        let total = match kind {
            Kind::Chat => random.u64(1_000..20_000),
            Kind::Slow => random.u64(50_000..300_000),
            _ => random.u64(1..1_000_000),
        };
        Plan { kind, seed: random.u64(..), total }
    }

    /// What the client sends.
    pub(crate) fn question(self) -> Pattern {
        Pattern::new(self.seed)
    }

    /// What the server sends.
    pub(crate) fn answer(self) -> Pattern {
        Pattern::new(!self.seed)
    }

    /// Where a reset comes.
    pub(crate) fn half(self) -> u64 {
        self.total / 2
    }

    /// Whether it ends with an error, or short, for one side.
    pub(crate) fn breaks(self) -> bool {
        matches!(self.kind, Kind::ResetByClient | Kind::ResetByServer | Kind::Leave)
    }

    /// How many bytes may be sent before all that was sent is answered.
    pub(crate) fn message(self, random: &mut Rng) -> u64 {
        match self.kind {
            Kind::Chat => random.u64(1..2_000),
            _ => self.total,
        }
    }

    /// How long the client waits between two messages.
    pub(crate) fn pause(random: &mut Rng) -> Duration {
        Duration::from_millis(random.u64(100..4_000))
    }

    pub(crate) fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.total.to_le_bytes());
        let kind = KINDS.iter().position(|(kind, _)| *kind == self.kind);
        bytes[16] = kind.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX);
        bytes
    }

    /// The plan that the bytes tell, if they do.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Plan> {
        let number = |from: usize| Some(u64::from_le_bytes(bytes.get(from..from + 8)?.try_into().ok()?));
        let (kind, _) = KINDS.get(usize::from(*bytes.get(16)?))?;
        Some(Plan { kind: *kind, seed: number(0)?, total: number(8)? })
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::{Kind, Plan, KINDS};

    #[test]
    fn plans_arrive_as_they_were() {
        assert_eq!(KINDS.iter().map(|(_, share)| share).sum::<u32>(), 100);
        let mut random = Rng::with_seed(1);
        let mut seen = Vec::new();
        for _ in 0..1_000 {
            let plan = Plan::random(&mut random);
            let back = Plan::decode(&plan.encode()).unwrap();
            assert_eq!((back.kind, back.seed, back.total), (plan.kind, plan.seed, plan.total));
            seen.push(plan.kind);
        }
        assert!(KINDS.iter().all(|(kind, _)| seen.contains(kind)));
        let chats = seen.iter().filter(|kind| **kind == Kind::Chat).count();
        assert!((800..920).contains(&chats), "{chats}");
        assert!(Plan::decode(&[0xff; 17]).is_none() && Plan::decode(&[0; 16]).is_none());
    }
}
