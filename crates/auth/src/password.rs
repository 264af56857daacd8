//! Argon2id in a bounded blocking pool.
//!
//! Each hash takes 19 MiB and some ten milliseconds; the pool bounds both, and who does not get a
//! place within the queue is refused rather than making everyone slow.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;

/// Memory of one hash, in KiB (OWASP's Argon2id setting with two passes).
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Logins that may wait for one place; beyond them the answer is "try again".
const WAITING_PER_PLACE: usize = 64;

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many logins at once.
    #[error("too many logins at once")]
    Busy,
    /// The hash could not be computed or read.
    #[error("password hash failed: {0}")]
    Failed(String),
}

/// Hashes and checks passwords, a bounded number at a time.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    /// A hash of no password: checked for unknown users, so that they take the same time.
    nobody: Arc<str>,
}

impl Passwords {
    /// A pool that hashes at most `concurrent` passwords at once.
    pub fn new(concurrent: usize) -> Result<Self, PasswordError> {
        let mut unguessable = [0; 32];
        crate::random::fill(&mut unguessable);
        Ok(Self {
            places: Arc::new(Semaphore::new(concurrent.max(1))),
            queue: Arc::new(Semaphore::new(concurrent.max(1) * WAITING_PER_PLACE)),
            nobody: hash_now(&unguessable)?.into(),
        })
    }

    /// The PHC string of a password.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.run(move || hash_now(password.as_bytes())).await
    }

    /// Whether the password is the one that was hashed. Without a hash it takes as long and is not.
    pub async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let matches = self
            .run(move || verify_now(password.as_bytes(), &hash))
            .await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _queued = self.queue.try_acquire().map_err(|_| PasswordError::Busy)?;
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Busy)?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        })
        .await
        .map_err(|e| PasswordError::Failed(e.to_string()))?
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &[u8]) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    crate::random::fill(&mut salt);
    Ok(argon2()?
        .hash_password_with_salt(password, &salt)
        .map_err(failed)?
        .to_string())
}

fn verify_now(password: &[u8], hash: &str) -> Result<bool, PasswordError> {
    let hash = PasswordHash::new(hash).map_err(failed)?;
    match argon2()?.verify_password(password, &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::new(1).expect("a pool");
        let hash = passwords
            .hash("correct horse".into())
            .await
            .expect("hashed");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            passwords
                .verify("correct horse".into(), Some(hash.clone()))
                .await
                .expect("checked")
        );
        assert!(
            !passwords
                .verify("wrong horse".into(), Some(hash))
                .await
                .expect("checked")
        );
        assert!(
            !passwords
                .verify("correct horse".into(), None)
                .await
                .expect("checked")
        );
        assert!(
            passwords
                .verify("x".into(), Some("nonsense".into()))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_refused_not_queued_for_ever() {
        let passwords = Passwords::new(1).expect("a pool");
        let _place = passwords.places.acquire().await.expect("open");
        let waiting: Vec<_> = (0..WAITING_PER_PLACE)
            .map(|_| passwords.hash("x".into()))
            .collect();
        let mut waiting: Vec<_> = waiting.into_iter().map(Box::pin).collect();
        for future in &mut waiting {
            assert!(futures_poll(future.as_mut()).is_none());
        }
        assert!(matches!(
            passwords.hash("x".into()).await,
            Err(PasswordError::Busy)
        ));
    }

    /// Polls once: `None` when it waits.
    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
