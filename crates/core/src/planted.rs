//! Bugs that are planted on purpose, to see that the checker of histories finds them.
//!
//! Without the feature `planted-bugs` every question here is answered `false` at compile time, and a
//! release build with it does not compile.

#[cfg(all(feature = "planted-bugs", not(debug_assertions)))]
compile_error!("planted bugs never stand in a release build");

#[cfg(feature = "planted-bugs")]
mod chosen {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    static CHOSEN: OnceLock<String> = OnceLock::new();
    static ASKED: AtomicU64 = AtomicU64::new(0);

    /// Plants a bug for the life of this process; the first one stays.
    pub fn plant(name: &str) {
        CHOSEN.get_or_init(|| name.to_owned());
    }

    /// Whether this bug is planted.
    pub fn planted(name: &str) -> bool {
        CHOSEN.get().is_some_and(|chosen| chosen == name)
    }

    /// Whether this bug is planted and shows now: each `every`th time.
    pub fn planted_every(name: &str, every: u64) -> bool {
        planted(name) && ASKED.fetch_add(1, Ordering::Relaxed) % every == every - 1
    }
}

#[cfg(not(feature = "planted-bugs"))]
mod chosen {
    /// Whether this bug is planted.
    #[inline]
    pub const fn planted(_name: &str) -> bool {
        false
    }

    /// Whether this bug is planted and shows now.
    #[inline]
    pub const fn planted_every(_name: &str, _every: u64) -> bool {
        false
    }
}

#[cfg(feature = "planted-bugs")]
pub use chosen::plant;
pub use chosen::{planted, planted_every};

/// The bugs that can be planted.
#[cfg(feature = "planted-bugs")]
pub const NAMES: &[&str] = &[
    "ack-before-commit",
    "client-id-forgotten",
    "seq-skipped",
    "membership-skipped",
    "position-too-high",
    "publish-lost",
    "resume-too-late",
    "edit-lost",
    "delete-lost",
    "removed-hears",
    "cursor-goes-back",
    "unread-counts-own",
    "repeat-misplaced",
    "body-swapped",
    "reaction-lost",
];
