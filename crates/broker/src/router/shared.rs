//! Shared subscriptions: each message of a group goes to one of its members.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Subscriber;
use super::leaf::Members;

/// The members of one `$share/group/filter`, and whose turn it is.
#[derive(Debug)]
pub(super) struct Group<T> {
    members: Members<T>,
    /// Counts turns; taken modulo the number of members.
    turn: AtomicUsize,
}

impl<T> Group<T> {
    pub(super) fn members(&self) -> &Members<T> {
        &self.members
    }

    pub(super) fn members_mut(&mut self) -> &mut Members<T> {
        &mut self.members
    }

    /// The next member in turn for which `is_ready` holds. Where it holds for none, the next in turn, which then
    /// queues the message or loses it, as its session was made for. Nobody only when the group is empty.
    ///
    /// Asks each member at most once, so a group whose members are all away costs one look at each.
    pub(super) fn next_member(&self, is_ready: impl Fn(&T) -> bool) -> Option<&Subscriber<T>> {
        let members = self.members.as_slice();
        let first = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(members.len())?;
        let (before, after) = members.split_at(first);
        let ready = after.iter().chain(before).enumerate().find(|(_, member)| is_ready(&member.target));
        match ready {
            Some((skipped, member)) => {
                if skipped > 0 {
                    // The turn goes on behind the one who took it; else the first after a row of absent members
                    // would take all their turns.
                    self.turn.fetch_add(skipped, Ordering::Relaxed);
                }
                Some(member)
            }
            None => members.get(first),
        }
    }
}

impl<T> Default for Group<T> {
    fn default() -> Group<T> {
        Group { members: Members::default(), turn: AtomicUsize::new(0) }
    }
}

impl<T: Clone> Clone for Group<T> {
    fn clone(&self) -> Group<T> {
        Group { members: self.members.clone(), turn: AtomicUsize::new(self.turn.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{Granted, SubscriberKey};

    fn group(count: u64) -> Group<u64> {
        let mut group = Group::default();
        for key in 0..count {
            let subscriber = Subscriber { key: SubscriberKey(key), target: key, granted: Granted::default() };
            assert!(group.members_mut().set(subscriber).is_none());
        }
        group
    }

    fn turns(group: &Group<u64>, count: usize, is_ready: impl Fn(&u64) -> bool) -> Vec<u64> {
        (0..count).filter_map(|_| group.next_member(&is_ready)).map(|member| member.target).collect()
    }

    #[test]
    fn every_member_has_its_turn() {
        assert_eq!(turns(&group(3), 7, |_| true), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn absent_members_are_skipped_and_the_others_share_evenly() {
        assert_eq!(turns(&group(4), 6, |member| *member != 1 && *member != 2), [0, 3, 0, 3, 0, 3]);
    }

    #[test]
    fn where_all_are_absent_the_turn_still_goes_round() {
        assert_eq!(turns(&group(2), 4, |_| false), [0, 1, 0, 1]);
    }

    #[test]
    fn an_empty_group_has_nobody() {
        assert!(turns(&group(0), 2, |_| true).is_empty());
    }
}
