//! Users of the host app: made when they are first seen, written again when the app says something new.
//!
//! Whoever was seen before is let in by a look into memory. All others go through one task that asks
//! the store for many at once and writes those that need it in one transaction: there is no timer, a
//! batch is what has gathered while the last one ran. A storm of ten thousand new users is some dozens
//! of commits, and a storm after a restart none.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parlor_auth::HostClaims;
use parlor_core::{Actor, Identity, Refusal, host::HostUser};
use parlor_protocol::{Code, UserId};
use parlor_store::{HostStanding, Store, StoreError};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{Clock, app::refused, known::Known, tails::Tails};

/// Users that may wait to be seen for the first time; one more is told to come back.
const WAITING_MAX: usize = 16_384;
/// Users in one batch: a transaction this long holds up nobody's messages.
const BATCH_MAX: usize = 512;
/// How long a batch may take.
const BATCH_DEADLINE: Duration = Duration::from_secs(8);
/// How often a user is tried whose handle or address somebody else takes at the same instant.
const TRIES_MAX: usize = 3;
/// Letters and digits that tell a handle from a taken one.
const SUFFIX_CHARS: usize = 6;

/// A checked token of the host app, whose user must be looked up or written before anything is done
/// for them: see [`App::admit`](crate::App::admit).
#[derive(Debug)]
pub struct FirstSight {
    pub(crate) identity: Identity,
    claims: HostClaims,
}

impl FirstSight {
    /// Whom the token speaks for.
    pub fn actor(&self) -> &Actor {
        &self.identity.actor
    }
}

/// Lets the host app's users in.
pub(crate) struct Admission {
    known: Arc<Known>,
    queue: mpsc::Sender<Waiting>,
    closing: Arc<Notify>,
}

struct Waiting {
    claims: HostClaims,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<(), Refusal>>;

impl Admission {
    /// Starts the task.
    pub(crate) fn spawn(
        store: Store,
        clock: Arc<dyn Clock>,
        tails: Arc<Tails>,
    ) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let known = Arc::new(Known::default());
        let closing = Arc::new(Notify::new());
        let desk = Desk {
            store,
            clock,
            known: known.clone(),
            tails,
        };
        let task = tokio::spawn(desk.run(waiting, closing.clone()));
        let admission = Self {
            known,
            queue,
            closing,
        };
        (admission, task)
    }

    /// Takes nobody new; the task ends when who waits is served.
    pub(crate) fn close(&self) {
        self.closing.notify_one();
    }

    /// Nothing, if this user was seen with these claims; otherwise what must be admitted first.
    pub(crate) fn first_sight(
        &self,
        claims: HostClaims,
        identity: Identity,
    ) -> Result<Identity, Box<FirstSight>> {
        if self.known.remembers(&claims) {
            Ok(identity)
        } else {
            Err(Box::new(FirstSight { identity, claims }))
        }
    }

    /// Waits until the user is stored as the app says.
    pub(crate) async fn admit(&self, first: FirstSight) -> Result<Identity, Refusal> {
        let (reply, admitted) = oneshot::channel();
        let claims = first.claims;
        self.queue
            .try_send(Waiting { claims, reply })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refusal {
                    retry_after_ms: Some(1000),
                    ..Refusal::new(Code::Unavailable, "too many new users at once")
                },
                mpsc::error::TrySendError::Closed(_) => stopping(),
            })?;
        admitted.await.unwrap_or_else(|_| Err(stopping()))?;
        Ok(first.identity)
    }
}

/// One user of a batch. The same user may wait several times, on several devices.
struct Entry {
    claims: HostClaims,
    replies: Vec<Reply>,
}

type Batch = HashMap<UserId, Entry>;

/// The task's own things.
struct Desk {
    store: Store,
    clock: Arc<dyn Clock>,
    known: Arc<Known>,
    tails: Arc<Tails>,
}

impl Desk {
    async fn run(self, mut waiting: mpsc::Receiver<Waiting>, closing: Arc<Notify>) {
        let mut gathered = Vec::new();
        loop {
            let count = tokio::select! {
                count = waiting.recv_many(&mut gathered, BATCH_MAX) => count,
                () = closing.notified() => {
                    waiting.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
            self.serve(gathered.drain(..)).await;
        }
    }

    async fn serve(&self, waiting: impl Iterator<Item = Waiting>) {
        let mut batch = Batch::new();
        for Waiting { claims, reply } in waiting {
            let entry = batch.entry(claims.sub.clone()).or_insert_with(|| Entry {
                claims: claims.clone(),
                replies: Vec::new(),
            });
            // Of two tokens that differ the newer one counts, or the one that came later.
            if claims.issued_ms >= entry.claims.issued_ms {
                entry.claims = claims;
            }
            entry.replies.push(reply);
        }
        for _ in 0..TRIES_MAX {
            let tried = timeout(BATCH_DEADLINE, self.admit(&mut batch)).await;
            if let Err(error) = tried.unwrap_or(Err(StoreError::TooSlow)) {
                refuse_all(&mut batch, &not_now(error));
            }
            if batch.is_empty() {
                return;
            }
        }
        let refusal = Refusal::new(Code::Unavailable, "this user could not be made, try again");
        refuse_all(&mut batch, &refusal);
    }

    /// Looks at a batch once and answers whom it can; who stays in it is to be looked at again.
    async fn admit(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let users: Vec<HostUser> = batch.values().map(|entry| usable(&entry.claims)).collect();
        let standings = self.store.host_standings(&users).await?;
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (user, standing) in users.into_iter().zip(standings) {
            match standing {
                HostStanding::New => new.push(user),
                HostStanding::Changed => changed.push(user),
                HostStanding::Same => self.welcome(batch, &user.id),
                HostStanding::Foreign => {
                    if let Some(entry) = batch.remove(&user.id) {
                        entry.refuse(&foreign());
                    }
                }
            }
        }
        if new.is_empty() && changed.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let admitted = self.store.admit_host_users(&new, &changed, now).await;
        if !changed.is_empty() {
            self.tails.forget();
        }
        match admitted {
            Ok(made) => {
                let seen = made.iter().chain(changed.iter().map(|user| &user.id));
                seen.for_each(|id| self.welcome(batch, id));
                Ok(())
            }
            Err(error) => {
                // A new name that cannot be stored keeps nobody out. It is not remembered, so the
                // next token tries again.
                for user in changed {
                    if let Some(entry) = batch.remove(&user.id) {
                        entry.answer(&Ok(()));
                    }
                }
                if new.is_empty() {
                    refused(error);
                    return Ok(());
                }
                Err(error)
            }
        }
    }

    fn welcome(&self, batch: &mut Batch, id: &UserId) {
        if let Some(entry) = batch.remove(id) {
            self.known.remember(&entry.claims);
            entry.answer(&Ok(()));
        }
    }
}

impl Entry {
    fn answer(self, result: &Result<(), Refusal>) {
        for reply in self.replies {
            // Who has gone does not need an answer.
            drop(reply.send(result.clone()));
        }
    }

    fn refuse(self, refusal: &Refusal) {
        self.answer(&Err(refusal.clone()));
    }
}

fn refuse_all(batch: &mut Batch, refusal: &Refusal) {
    for (_, entry) in batch.drain() {
        entry.refuse(refusal);
    }
}

fn usable(claims: &HostClaims) -> HostUser {
    let is_verified = claims.email_verified == Some(true);
    HostUser::new(
        claims.sub.clone(),
        claims.name.as_deref(),
        claims.picture.as_deref(),
        claims.email.as_deref().filter(|_| is_verified),
        &suffix(),
    )
}

fn suffix() -> String {
    let code = parlor_auth::code().to_ascii_lowercase();
    let plain = code.chars().filter(char::is_ascii_alphanumeric);
    plain.take(SUFFIX_CHARS).collect()
}

/// The id of somebody who registered here: their account is theirs, whatever the host app signs.
fn foreign() -> Refusal {
    Refusal::new(
        Code::Unauthorized,
        "this token names a user who has an account of this server's own",
    )
}

fn stopping() -> Refusal {
    Refusal::new(Code::Unavailable, "the server is stopping")
}

/// Making a user twice does no harm, so an outcome that is not known is "try again".
fn not_now(error: StoreError) -> Refusal {
    let refusal = refused(error);
    match refusal.code {
        Code::UnknownOutcome => Refusal::new(
            Code::Unavailable,
            "this user may have been stored, try again",
        ),
        _ => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_fit_into_handles() {
        for _ in 0..100 {
            let suffix = suffix();
            assert!(suffix.len() >= 2 && suffix.bytes().all(|b| b.is_ascii_alphanumeric()));
        }
    }
}
