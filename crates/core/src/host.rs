//! Users of the host app: what its tokens say of them, made usable, and the handles that they get.
//!
//! A claim that cannot be used is left out: a picture without a proper address must keep nobody from
//! talking. What a token does not say changes nothing.

use std::collections::{HashMap, HashSet};

use parlor_protocol::{
    UserId,
    limits::{EMAIL_BYTES_MAX, HANDLE_BYTES_MAX, HANDLE_BYTES_MIN, NAME_CHARS_MAX},
};

use crate::validate;

/// Longest address of a picture that is kept, in bytes: signed addresses of object stores fit.
const PICTURE_BYTES_MAX: usize = 2048;

/// A user as the host app knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostUser {
    /// The host app's own id.
    pub id: UserId,
    /// The handle they get, and the one when somebody has that; used only when they are made.
    pub handles: [String; 2],
    /// The name to show.
    pub name: Option<String>,
    /// The address of a picture.
    pub picture: Option<String>,
    /// An address that the app has verified, in lower case.
    pub email: Option<String>,
}

impl HostUser {
    /// A user from what a token claims. `suffix` makes the second handle: a few letters or digits
    /// that nobody can foresee, or somebody could sit on both.
    pub fn new(
        id: UserId,
        name: Option<&str>,
        picture: Option<&str>,
        verified_email: Option<&str>,
        suffix: &str,
    ) -> Self {
        let handle = handle(&id);
        let other = with_suffix(&handle, suffix);
        Self {
            handles: [handle, other],
            id,
            name: name.and_then(usable_name),
            picture: picture.filter(|url| is_picture(url)).map(str::to_owned),
            email: verified_email.and_then(usable_email),
        }
    }

    /// Whether the app says something else than what is stored.
    pub fn is_news(&self, name: &str, picture: Option<&str>, email: Option<&str>) -> bool {
        let differs = |said: &Option<String>, stored: Option<&str>| {
            said.as_deref().is_some_and(|said| Some(said) != stored)
        };
        differs(&self.name, Some(name))
            || differs(&self.picture, picture)
            || differs(&self.email, email)
    }
}

/// Handles and e-mail addresses that have an owner.
#[derive(Debug, Default)]
pub struct Taken {
    /// The handles.
    pub handles: HashSet<String>,
    /// The addresses, and whose they are.
    pub emails: HashMap<String, UserId>,
}

impl Taken {
    /// Gives a user who is made the first of their handles that is free; none when both are taken.
    pub fn give_handle(&mut self, user: &HostUser) -> Option<String> {
        let free = user.handles.iter().find(|one| !self.handles.contains(*one));
        let free = free?.clone();
        self.handles.insert(free.clone());
        Some(free)
    }

    /// Gives a user their address, unless it is another's: two accounts never share one.
    pub fn give_email(&mut self, user: &HostUser) -> Option<String> {
        let email = user.email.clone()?;
        let owner = self.emails.entry(email.clone());
        (*owner.or_insert_with(|| user.id.clone()) == user.id).then_some(email)
    }
}

/// A handle that reads like the id: in lower case, with a dash for each character that handles do not have.
fn handle(id: &UserId) -> String {
    let dashed = id
        .as_str()
        .to_ascii_lowercase()
        .replace([':', '@', '|'], "-");
    let mut handle = dashed
        .trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned();
    if handle.len() < HANDLE_BYTES_MIN {
        handle.insert_str(0, "user-");
    }
    handle.truncate(HANDLE_BYTES_MAX);
    handle
}

fn with_suffix(handle: &str, suffix: &str) -> String {
    let room = HANDLE_BYTES_MAX.saturating_sub(suffix.len() + 1);
    format!("{}-{suffix}", &handle[..handle.len().min(room)])
}

/// A name without what cannot be shown, and not longer than names are.
fn usable_name(name: &str) -> Option<String> {
    let shown = name
        .chars()
        .filter(|c| !c.is_control() && !validate::is_bidi_control(*c));
    let name: String = shown.take(NAME_CHARS_MAX).collect();
    validate::text("name", Some(name), NAME_CHARS_MAX).ok()?
}

/// Only what a browser may load as a picture: no script, no file.
fn is_picture(url: &str) -> bool {
    let after_scheme = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    url.len() <= PICTURE_BYTES_MAX
        && after_scheme.is_some_and(|rest| !rest.is_empty())
        && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn usable_email(email: &str) -> Option<String> {
    let email = validate::text("email", Some(email.to_owned()), EMAIL_BYTES_MAX).ok()??;
    validate::email(&email).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(id: &str) -> HostUser {
        HostUser::new(id.parse().expect("a valid id"), None, None, None, "x1y2z3")
    }

    #[test]
    fn handles_read_like_ids() {
        for (id, handle, other) in [
            ("ada", "ada", "ada-x1y2z3"),
            ("Auth0|5F7", "auth0-5f7", "auth0-5f7-x1y2z3"),
            (
                "ada@example.org",
                "ada-example.org",
                "ada-example.org-x1y2z3",
            ),
            ("7", "user-7", "user-7-x1y2z3"),
            ("..", "user-", "user--x1y2z3"),
            ("_ada", "ada", "ada-x1y2z3"),
        ] {
            assert_eq!(user(id).handles, [handle, other], "{id}");
        }
    }

    proptest! {
        #[test]
        fn every_id_has_two_handles(id in "[A-Za-z0-9._:@|-]{1,64}") {
            let [one, other] = user(&id).handles;
            prop_assert_eq!(validate::handle(&one), Ok(one.clone()));
            prop_assert_eq!(validate::handle(&other), Ok(other.clone()));
            prop_assert_ne!(one, other);
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let of = |name: &str, picture: &str, email: &str| {
            let id = "ada".parse().expect("a valid id");
            let user = HostUser::new(id, Some(name), Some(picture), Some(email), "x");
            (user.name, user.picture, user.email)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            of(" Ada ", "https://app.example/a.png", "Ada@Example.org"),
            (
                some("Ada"),
                some("https://app.example/a.png"),
                some("ada@example.org")
            )
        );
        assert_eq!(of("  ", "javascript:alert(1)", "ada"), (None, None, None));
        assert_eq!(of("a\u{202e}b\0c", "https://", "a\0@b.c").0, some("abc"));
        assert_eq!(
            of(&"ä".repeat(70), "https:// x", "").0,
            some(&"ä".repeat(64))
        );
        assert_eq!(
            of("a", &format!("https://{}", "x".repeat(2048)), "").1,
            None
        );
    }

    #[test]
    fn news_is_what_is_said_and_differs() {
        let mut ada = user("ada");
        assert!(!ada.is_news("Ada", Some("p"), Some("e")), "it says nothing");
        ada.name = Some("Ada".into());
        ada.picture = Some("p".into());
        ada.email = Some("e".into());
        assert!(!ada.is_news("Ada", Some("p"), Some("e")));
        assert!(ada.is_news("Ida", Some("p"), Some("e")));
        assert!(ada.is_news("Ada", None, Some("e")));
        assert!(ada.is_news("Ada", Some("p"), None));
    }

    #[test]
    fn nobody_gets_what_another_has() {
        let mut taken = Taken::default();
        let mut ada = user("ada");
        ada.email = Some("ada@example.org".into());
        let mut other = user("Ada");
        other.email.clone_from(&ada.email);
        assert_eq!(taken.give_handle(&ada).as_deref(), Some("ada"));
        assert_eq!(taken.give_handle(&other).as_deref(), Some("ada-x1y2z3"));
        assert_eq!(taken.give_handle(&other), None);
        assert_eq!(taken.give_email(&ada), ada.email);
        assert_eq!(taken.give_email(&ada), ada.email, "it is theirs");
        assert_eq!(taken.give_email(&other), None);
    }
}
