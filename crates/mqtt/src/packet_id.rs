//! The packet identifier.

use std::fmt;
use std::num::NonZeroU16;

/// Ties an acknowledgement to what it acknowledges; never zero [MQTT-2.2.1-3].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub NonZeroU16);

impl PacketId {
    /// The first identifier, 1.
    pub const MIN: PacketId = PacketId(NonZeroU16::MIN);
    /// The last identifier, 65,535.
    pub const MAX: PacketId = PacketId(NonZeroU16::MAX);

    /// `None` for zero.
    pub const fn new(number: u16) -> Option<PacketId> {
        match NonZeroU16::new(number) {
            Some(number) => Some(PacketId(number)),
            None => None,
        }
    }

    /// The number on the wire.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The identifier after this one; 1 follows 65,535.
    #[must_use]
    pub const fn next(self) -> PacketId {
        match self.0.checked_add(1) {
            Some(number) => PacketId(number),
            None => PacketId::MIN,
        }
    }

    /// How many times [`PacketId::next`] leads from `first` to this one.
    pub const fn distance_from(self, first: PacketId) -> u16 {
        let (this, first) = (self.get(), first.get());
        // There is no 0 in the circle.
        if this >= first { this - first } else { u16::MAX - first + this }
    }
}

impl From<PacketId> for u16 {
    fn from(id: PacketId) -> u16 {
        id.get()
    }
}

impl TryFrom<u16> for PacketId {
    type Error = std::num::TryFromIntError;

    fn try_from(number: u16) -> Result<PacketId, Self::Error> {
        NonZeroU16::try_from(number).map(PacketId)
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_counted_around_the_circle() {
        let id = |number| PacketId::new(number).unwrap();
        for first in [1, 2, 40_000, u16::MAX] {
            let mut at = id(first);
            for steps in 0..u16::MAX {
                assert_eq!(at.distance_from(id(first)), steps, "from {first} to {at}");
                at = at.next();
            }
            assert_eq!(at, id(first));
        }
    }
}
