//! A timer that the event loop waits for like for a socket. Waiting with a timeout instead would be
//! rounded up to whole milliseconds, which is longer than what is measured.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
    time::Duration,
};

use mio::{Interest, Registry, Token, unix::SourceFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// The shortest wait: zero would disarm it.
const WAIT_MIN: Duration = Duration::from_nanos(1);

pub(crate) struct Timer {
    descriptor: OwnedFd,
}

impl Timer {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(
            &mut SourceFd(&descriptor.as_raw_fd()),
            token,
            Interest::READABLE,
        )?;
        Ok(Self { descriptor })
    }

    /// Wakes the loop once after this time. Setting it again forgets what was set before.
    pub(crate) fn wake_after(&self, wait: Duration) -> io::Result<()> {
        let wait = wait.max(WAIT_MIN);
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let due = Itimerspec {
            it_interval: zero,
            it_value: Timespec {
                tv_sec: wait.as_secs().cast_signed(),
                tv_nsec: i64::from(wait.subsec_nanos()),
            },
        };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &due)?;
        Ok(())
    }
}
