//! Who is here: many devices, one presence, and who wants to know of it.
//!
//! A state machine without I/O. Devices come, go and say whether they are in use; [`Presence::tick`]
//! says of whom others must hear something new. What came and went between two ticks is no news, and
//! a device that is gone counts for a while longer: who comes back at once was never away.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
};

use parlor_protocol::{DeviceStatus, PresenceStatus, Timestamp, UserId};

/// How long a device that is gone still counts, in milliseconds: longer than a reconnect usually takes.
pub const GRACE_MS: u64 = 5_000;

/// What others are to hear of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Who.
    pub user_id: UserId,
    /// Over all their devices.
    pub status: PresenceStatus,
    /// When the last device went; none while one is here.
    pub last_seen_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Person<D> {
    devices: Vec<(D, PresenceStatus)>,
    /// What devices that are gone were, and until when they count.
    gone: Option<(u64, PresenceStatus)>,
    /// When a device last went.
    seen_at: Timestamp,
    /// What others have heard.
    told: PresenceStatus,
}

impl<D> Person<D> {
    fn status(&self) -> PresenceStatus {
        let here = self.devices.iter().map(|(_, status)| *status);
        let gone = self.gone.map(|(_, status)| status);
        here.chain(gone).max().unwrap_or(PresenceStatus::Offline)
    }
}

/// Everybody who is here. `D` names a device.
#[derive(Debug)]
pub struct Presence<D> {
    grace_ms: u64,
    people: HashMap<UserId, Person<D>>,
    /// Whose devices that are gone count no longer from when on.
    leaving: BTreeSet<(u64, UserId)>,
    /// Of whom there may be news.
    changed: HashSet<UserId>,
    /// The devices that want to know of somebody, with whose they are.
    watchers: HashMap<UserId, Vec<(UserId, D)>>,
    watched: HashMap<D, Vec<UserId>>,
}

impl<D: Copy + Eq + Hash> Presence<D> {
    /// Nobody is here. A device that is gone counts for `grace_ms` longer.
    pub fn new(grace_ms: u64) -> Self {
        Self {
            grace_ms,
            people: HashMap::new(),
            leaving: BTreeSet::new(),
            changed: HashSet::new(),
            watchers: HashMap::new(),
            watched: HashMap::new(),
        }
    }

    /// A device came; it is in use until it says something else.
    pub fn connect(&mut self, user_id: &UserId, device: D) {
        let person = self.people.entry(user_id.clone()).or_insert(Person {
            devices: Vec::with_capacity(1),
            gone: None,
            seen_at: Timestamp(0),
            told: PresenceStatus::Offline,
        });
        person.devices.push((device, PresenceStatus::Online));
        self.changed.insert(user_id.clone());
    }

    /// A device says whether it is in use.
    pub fn set(&mut self, user_id: &UserId, device: D, status: DeviceStatus) {
        let person = self.people.get_mut(user_id);
        let devices = person.into_iter().flat_map(|person| &mut person.devices);
        for (_, held) in devices.filter(|(id, _)| *id == device) {
            *held = status.into();
            self.changed.insert(user_id.clone());
        }
    }

    /// A device is gone, `at` by the wall clock. `true` when it was the last one.
    pub fn disconnect(&mut self, user_id: &UserId, device: D, now_ms: u64, at: Timestamp) -> bool {
        self.watch(user_id, device, Vec::new());
        let Some(person) = self.people.get_mut(user_id) else {
            return false;
        };
        let found = person.devices.iter().position(|(id, _)| *id == device);
        let Some((_, status)) = found.map(|place| person.devices.swap_remove(place)) else {
            return false;
        };
        person.seen_at = at;
        let until_ms = now_ms + self.grace_ms;
        let older = person.gone.replace((until_ms, status));
        if let Some((older_ms, older)) = older {
            person.gone = Some((until_ms, status.max(older)));
            self.leaving.remove(&(older_ms, user_id.clone()));
        }
        self.leaving.insert((until_ms, user_id.clone()));
        person.devices.is_empty()
    }

    /// Whether time will bring nothing new.
    pub fn is_quiet(&self) -> bool {
        self.leaving.is_empty() && self.changed.is_empty()
    }

    /// Of whom others must hear something new; at most so many, the rest next time. `gone` is told of
    /// everybody who has no device any more, and when they were last seen.
    pub fn tick(
        &mut self,
        now_ms: u64,
        most: usize,
        mut gone: impl FnMut(&UserId, Timestamp),
    ) -> Vec<Presented> {
        while let Some((until_ms, _)) = self.leaving.first()
            && *until_ms <= now_ms
            && let Some((_, user_id)) = self.leaving.pop_first()
        {
            if let Some(person) = self.people.get_mut(&user_id) {
                person.gone = None;
            }
            self.changed.insert(user_id);
        }
        let some: Vec<UserId> = self.changed.iter().take(most).cloned().collect();
        let mut news = Vec::with_capacity(some.len());
        for user_id in some {
            self.changed.remove(&user_id);
            let Some(person) = self.people.get_mut(&user_id) else {
                continue;
            };
            let status = person.status();
            if std::mem::replace(&mut person.told, status) != status {
                news.push(Presented {
                    last_seen_at: (status == PresenceStatus::Offline).then_some(person.seen_at),
                    user_id: user_id.clone(),
                    status,
                });
            }
            if status == PresenceStatus::Offline {
                gone(&user_id, person.seen_at);
                self.people.remove(&user_id);
            }
        }
        if self.changed.is_empty() {
            // A storm's room is not kept.
            self.changed = HashSet::new();
        }
        news
    }

    /// How somebody is by what others have heard: whoever asks hears what changes from here on, and what
    /// has changed since the last tick may have changed back by the next. Who is not known here is offline.
    pub fn status(&self, user_id: &UserId) -> PresenceStatus {
        let person = self.people.get(user_id);
        person.map_or(PresenceStatus::Offline, |person| person.told)
    }

    /// Everybody who is here or has just gone, and when they were last seen if all ends now, `at` by
    /// the wall clock.
    pub fn everyone(&self, at: Timestamp) -> impl Iterator<Item = (UserId, Timestamp)> {
        self.people.iter().map(move |(user_id, person)| {
            let is_here = !person.devices.is_empty();
            (user_id.clone(), if is_here { at } else { person.seen_at })
        })
    }

    /// A device wants to know of these people, in place of those of before.
    pub fn watch(&mut self, user_id: &UserId, device: D, people: Vec<UserId>) {
        for person in self.watched.remove(&device).into_iter().flatten() {
            if let Some(watchers) = self.watchers.get_mut(&person) {
                watchers.retain(|(_, id)| *id != device);
                if watchers.is_empty() {
                    self.watchers.remove(&person);
                }
            }
        }
        for person in &people {
            let watchers = self.watchers.entry(person.clone()).or_default();
            watchers.push((user_id.clone(), device));
        }
        if !people.is_empty() {
            self.watched.insert(device, people);
        }
    }

    /// The devices that want to know of somebody, with whose they are.
    pub fn watchers(&self, user_id: &UserId) -> &[(UserId, D)] {
        self.watchers.get(user_id).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use PresenceStatus::{Away, Offline, Online};
    use proptest::prelude::*;

    use super::*;

    fn user(name: &str) -> UserId {
        name.parse().expect("a valid id")
    }

    fn ada() -> UserId {
        user("ada")
    }

    /// Nothing that matters here.
    const NOON: Timestamp = Timestamp(1_772_366_400_000);

    fn presence() -> Presence<u8> {
        Presence::new(GRACE_MS)
    }

    fn tick(presence: &mut Presence<u8>, now_ms: u64) -> Vec<PresenceStatus> {
        let news = presence.tick(now_ms, 100, |_, _| {});
        news.into_iter().map(|news| news.status).collect()
    }

    #[test]
    fn many_devices_are_one_presence() {
        let mut presence = presence();
        presence.connect(&ada(), 1);
        assert_eq!(tick(&mut presence, 0), [Online]);
        presence.connect(&ada(), 2);
        presence.set(&ada(), 2, DeviceStatus::Away);
        assert_eq!(tick(&mut presence, 1), [], "the other one is in use");
        presence.set(&ada(), 1, DeviceStatus::Away);
        assert_eq!(tick(&mut presence, 2), [Away]);
        presence.set(&ada(), 2, DeviceStatus::Online);
        assert_eq!(tick(&mut presence, 3), [Online]);
        assert!(!presence.disconnect(&ada(), 2, 4, NOON));
        assert_eq!(tick(&mut presence, 4), []);
        assert_eq!(tick(&mut presence, 4 + GRACE_MS), [Away]);
        assert!(presence.disconnect(&ada(), 1, 10_000, NOON));
        let mut gone = Vec::new();
        let news = presence.tick(10_000 + GRACE_MS, 100, |who, at| {
            gone.push((who.clone(), at));
        });
        assert_eq!(gone, [(ada(), NOON)]);
        assert_eq!(
            (news[0].status, news[0].last_seen_at),
            (Offline, Some(NOON))
        );
        assert_eq!(presence.everyone(NOON).count(), 0);
        assert!(presence.is_quiet());
    }

    #[test]
    fn who_comes_back_at_once_was_never_away() {
        let mut presence = presence();
        presence.connect(&ada(), 0);
        assert_eq!(tick(&mut presence, 0), [Online]);
        for device in 1..100 {
            let now_ms = u64::from(device) * 1000;
            presence.disconnect(&ada(), device - 1, now_ms, NOON);
            assert_eq!(tick(&mut presence, now_ms + GRACE_MS - 1), []);
            presence.connect(&ada(), device);
        }
        assert_eq!(tick(&mut presence, 1_000_000), []);
        assert_eq!(presence.status(&ada()), Online);
    }

    #[test]
    fn what_came_and_went_between_two_ticks_is_no_news() {
        let mut presence = presence();
        presence.connect(&ada(), 1);
        presence.set(&ada(), 1, DeviceStatus::Away);
        assert_eq!(tick(&mut presence, 0), [Away]);
        presence.set(&ada(), 1, DeviceStatus::Online);
        presence.set(&ada(), 1, DeviceStatus::Away);
        assert_eq!(tick(&mut presence, 1), []);
        presence.set(&ada(), 9, DeviceStatus::Online);
        presence.set(&user("grace"), 1, DeviceStatus::Online);
        assert_eq!(tick(&mut presence, 2), [], "no such device");
    }

    #[test]
    fn a_visit_between_two_ticks_is_seen_and_no_news() {
        let mut presence: Presence<u8> = Presence::new(0);
        presence.connect(&ada(), 1);
        assert_eq!(presence.status(&ada()), Offline, "nobody has heard of it");
        presence.disconnect(&ada(), 1, 0, NOON);
        let mut gone = Vec::new();
        let news = presence.tick(0, 100, |who, at| {
            gone.push((who.clone(), at));
        });
        assert_eq!((news, gone), (Vec::new(), vec![(ada(), NOON)]));
        assert!(presence.is_quiet());
    }

    #[test]
    fn a_storm_is_told_in_parts() {
        let mut presence = presence();
        for device in 0..250 {
            presence.connect(&user(&device.to_string()), device);
        }
        let told: Vec<usize> = (0..4).map(|_| tick(&mut presence, 0).len()).collect();
        assert_eq!(told, [100, 100, 50, 0]);
        assert!(presence.is_quiet());
    }

    #[test]
    fn a_device_watches_whom_it_named_last_and_nobody_when_it_is_gone() {
        let mut presence = presence();
        let grace = user("grace");
        presence.connect(&ada(), 1);
        presence.watch(&ada(), 1, vec![grace.clone(), ada()]);
        assert_eq!(presence.watchers(&grace), [(ada(), 1)]);
        presence.watch(&ada(), 1, vec![grace.clone()]);
        assert_eq!(presence.watchers(&grace), [(ada(), 1)]);
        assert_eq!(presence.watchers(&ada()), []);
        presence.disconnect(&ada(), 1, 0, NOON);
        assert_eq!(presence.watchers(&grace), []);
        assert!(presence.watchers.is_empty() && presence.watched.is_empty());
    }

    proptest! {
        /// Whatever devices do: what was told is what is true a grace later, each word differs from the one
        /// before, and nothing is kept of who is gone.
        #[test]
        fn what_is_told_is_true_in_the_end(steps in prop::collection::vec((0_u8..4, 0_u8..3, 0_u64..4000), 1..200)) {
            let mut presence = presence();
            let mut here: HashMap<u8, PresenceStatus> = HashMap::new();
            let (mut now_ms, mut told) = (0, Offline);
            for (step, device, later_ms) in steps {
                now_ms += later_ms;
                match (step, here.contains_key(&device)) {
                    (0 | 1, false) => {
                        presence.connect(&ada(), device);
                        here.insert(device, Online);
                    }
                    (0, true) => {
                        presence.disconnect(&ada(), device, now_ms, NOON);
                        here.remove(&device);
                    }
                    (2, true) => {
                        presence.set(&ada(), device, DeviceStatus::Away);
                        here.insert(device, Away);
                    }
                    (3, true) => {
                        presence.set(&ada(), device, DeviceStatus::Online);
                        here.insert(device, Online);
                    }
                    _ => {}
                }
                for status in tick(&mut presence, now_ms) {
                    prop_assert_ne!(status, told);
                    told = status;
                }
            }
            for status in tick(&mut presence, now_ms + GRACE_MS) {
                told = status;
            }
            prop_assert_eq!(told, here.values().copied().max().unwrap_or(Offline));
            prop_assert!(presence.is_quiet());
            prop_assert_eq!(presence.everyone(NOON).count(), usize::from(!here.is_empty()));
        }
    }
}
