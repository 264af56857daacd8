//! What is being done, for whoever watches. Drawn between measurements only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new() -> Self {
        // Drawn when told and not by a thread of its own, which would take time from what is measured.
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{prefix:>9}  {wide_msg}  {bar:30} {pos:>3}/{len}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        Self { bar }
    }

    /// Another scenario begins.
    pub(crate) fn scenario(&self, name: &str) {
        self.bar.set_prefix(name.to_owned());
        self.say("setting up");
    }

    /// What is being done besides measuring.
    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }

    /// So many measurements follow.
    pub(crate) fn begin(&self, steps: usize) {
        self.bar.set_length(steps as u64);
        self.bar.set_position(0);
    }

    /// The next measurement, and of whom.
    pub(crate) fn next(&self, label: &str) {
        self.bar.set_message(label.to_owned());
        self.bar.inc(1);
        self.bar.tick();
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
