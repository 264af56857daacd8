//! What texts, numbers and bodies may be. Each check names the field and what would be right.

use parlor_protocol::{
    ChangeUser, Code, Register, SendMessage,
    limits::{
        BIO_CHARS_MAX, CLIENT_ID_BYTES_MAX, COMBINING_RUN_MAX, CONTENT_BYTES_MAX,
        CONTENT_CHARS_MAX, EMAIL_BYTES_MAX, EMOJI_BYTES_MAX, HANDLE_BYTES_MAX, HANDLE_BYTES_MIN,
        NAME_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN,
        QUERY_CHARS_MAX,
    },
};

use crate::Refusal;

/// Trims an optional text; empty is absent; too long or unprintable is refused.
pub fn text(
    field: &str,
    value: Option<String>,
    chars_max: usize,
) -> Result<Option<String>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let value = value.trim();
    if value.is_empty() {
        return Ok(None);
    }
    if value.chars().count() > chars_max {
        return Err(Refusal::field(
            field,
            format!("at most {chars_max} characters"),
        ));
    }
    if value.chars().any(|c| c.is_control() || is_bidi_control(c)) {
        return Err(Refusal::field(field, "no control characters"));
    }
    stacked_marks(field, value)?;
    Ok(Some(value.to_owned()))
}

/// A handle in its one spelling: lower case, 2–32 of `a-z0-9_.-`, starting with a letter or digit.
pub fn handle(value: &str) -> Result<String, Refusal> {
    let value = value.trim().to_ascii_lowercase();
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    let starts_well = value
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    if !(HANDLE_BYTES_MIN..=HANDLE_BYTES_MAX).contains(&value.len())
        || !value.bytes().all(allowed)
        || !starts_well
    {
        return Err(Refusal::field(
            "handle",
            format!(
                "{HANDLE_BYTES_MIN}–{HANDLE_BYTES_MAX} of a-z, 0-9, '_', '.', '-', starting with a letter or digit"
            ),
        ));
    }
    Ok(value)
}

/// An account that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// In its one spelling.
    pub handle: String,
    /// The name to show.
    pub name: String,
    /// Lower case.
    pub email: Option<String>,
}

/// Checks a registration; the password is only measured here.
pub fn registration(body: &Register) -> Result<NewAccount, Refusal> {
    let handle = handle(&body.handle)?;
    password(&body.password)?;
    let name = text("name", body.name.clone(), NAME_CHARS_MAX)?.unwrap_or_else(|| handle.clone());
    let email = match text("email", body.email.clone(), EMAIL_BYTES_MAX)? {
        Some(email) => Some(self::email(&email)?),
        None => None,
    };
    Ok(NewAccount {
        handle,
        name,
        email,
    })
}

/// What somebody may change about themselves, checked; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The name to show.
    pub name: Option<String>,
    /// In its one spelling.
    pub handle: Option<String>,
    /// A line about oneself, or none any more.
    pub bio: Option<Option<String>>,
}

/// Checks a change of one's own profile.
pub fn profile(body: ChangeUser) -> Result<ProfileChange, Refusal> {
    let ChangeUser { name, handle, bio } = body;
    let name = match name {
        None => None,
        given => {
            let name = text("name", given, NAME_CHARS_MAX)?;
            let name = name.ok_or_else(|| Refusal::field("name", "at least one character"))?;
            Some(name)
        }
    };
    Ok(ProfileChange {
        name,
        handle: handle.map(|given| self::handle(&given)).transpose()?,
        bio: bio.map(|bio| text("bio", bio, BIO_CHARS_MAX)).transpose()?,
    })
}

fn password(value: &str) -> Result<(), Refusal> {
    if value.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Refusal::field(
            "password",
            format!("at least {PASSWORD_CHARS_MIN} characters"),
        ));
    }
    if value.len() > PASSWORD_BYTES_MAX {
        return Err(Refusal::field(
            "password",
            format!("at most {PASSWORD_BYTES_MAX} bytes"),
        ));
    }
    Ok(())
}

/// An e-mail address in lower case.
pub fn email(value: &str) -> Result<String, Refusal> {
    let looks_right = value.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    });
    if !looks_right
        || value.len() > EMAIL_BYTES_MAX
        || value.contains(char::is_whitespace)
        || value.matches('@').count() > 1
    {
        return Err(Refusal::field("email", "an address like ada@example.org"));
    }
    Ok(value.to_lowercase())
}

/// Checks a message's text.
pub fn content(value: &str) -> Result<(), Refusal> {
    if is_plain(value) {
        return Ok(());
    }
    if value.trim().is_empty() {
        return Err(Refusal::field("content", "must not be empty"));
    }
    if value.len() > CONTENT_BYTES_MAX || value.chars().count() > CONTENT_CHARS_MAX {
        return Err(Refusal::field(
            "content",
            format!("at most {CONTENT_CHARS_MAX} characters and {CONTENT_BYTES_MAX} bytes"),
        ));
    }
    // They show nothing, and each takes six bytes in every reply.
    if value
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(Refusal::field(
            "content",
            "no control characters but line breaks and tabs",
        ));
    }
    stacked_marks("content", value)
}

/// Most texts: ASCII without anything that could be wrong, seen a word at a time.
fn is_plain(value: &str) -> bool {
    let is_printed = |byte: u8| (0x20..0x7f).contains(&byte);
    value.len() <= CONTENT_CHARS_MAX
        && value
            .bytes()
            .fold(true, |plain, byte| plain & is_printed(byte))
        && value.bytes().any(|byte| byte != b' ')
}

/// Checks a reaction: an emoji, so nothing that could be read as a text.
pub fn emoji(value: &str) -> Result<(), Refusal> {
    // A keycap is a digit with marks behind it; everything else has no ASCII at all.
    let keycap = value.ends_with('\u{20e3}');
    let strange =
        |c: char| c.is_control() || c.is_whitespace() || is_bidi_control(c) || c.is_alphanumeric();
    let texty = value.chars().any(|c| {
        strange(c) && !(keycap && c.is_ascii_digit()) || c.is_ascii_punctuation() && !keycap
    });
    if value.is_empty() || value.len() > EMOJI_BYTES_MAX || texty {
        return Err(Refusal::field(
            "emoji",
            format!("one emoji of at most {EMOJI_BYTES_MAX} bytes"),
        ));
    }
    Ok(())
}

/// Checks a message before it is queued.
pub fn message(body: &SendMessage) -> Result<(), Refusal> {
    content(&body.content)?;
    if let Some(client_id) = &body.client_id {
        let printable = client_id.bytes().all(|b| b.is_ascii_graphic());
        if client_id.is_empty() || client_id.len() > CLIENT_ID_BYTES_MAX || !printable {
            return Err(Refusal::field(
                "clientId",
                format!("1–{CLIENT_ID_BYTES_MAX} printable ASCII characters without spaces"),
            ));
        }
    }
    for (field, used) in [
        ("attachments", !body.attachments.is_empty()),
        ("replyTo", body.reply_to.is_some()),
        ("threadId", body.thread_id.is_some()),
        ("mentions", !body.mentions.is_empty()),
    ] {
        if used {
            return Err(Refusal {
                code: Code::NotSupported,
                ..Refusal::field(field, "not supported yet")
            });
        }
    }
    Ok(())
}

/// How many items a page has: `limit` between 1 and the maximum, 50 when absent.
pub fn page_size(limit: Option<i64>) -> Result<u32, Refusal> {
    match limit {
        None => Ok(PAGE_DEFAULT),
        Some(limit) => u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| Refusal::field("limit", format!("between 1 and {PAGE_MAX}"))),
    }
}

/// A search text in lower case, or `None` when there is nothing to look for.
pub fn query(value: Option<String>) -> Result<Option<String>, Refusal> {
    Ok(text("query", value, QUERY_CHARS_MAX)?.map(|value| value.to_lowercase()))
}

/// Overrides and isolates that can make one name look like another.
pub(crate) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Refuses text that stacks marks until it paints over its neighbours.
fn stacked_marks(field: &str, value: &str) -> Result<(), Refusal> {
    let mut run = 0;
    for c in value.chars() {
        let mark = matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}');
        run = if mark { run + 1 } else { 0 };
        if run > COMBINING_RUN_MAX {
            return Err(Refusal::field(
                field,
                format!("at most {COMBINING_RUN_MAX} combining marks in a row"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_reaction_is_an_emoji() {
        for good in ["👍", "❤️", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#️⃣", "©️", "🫱🏽‍🫲🏿"]
        {
            assert_eq!(super::emoji(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "yes",
            "👍 ",
            "1",
            ":+1:",
            "\u{202e}",
            "\n",
            "字",
            &"👍".repeat(17),
        ] {
            assert!(super::emoji(bad).is_err(), "{bad:?} was taken");
        }
    }

    use super::*;

    fn send(content: &str) -> SendMessage {
        SendMessage {
            content: content.to_owned(),
            ..SendMessage::default()
        }
    }

    #[test]
    fn handles_have_one_spelling() {
        assert_eq!(handle(" Ada.L-1 ").as_deref(), Ok("ada.l-1"));
        for bad in [
            "",
            "a",
            ".ada",
            "ada lovelace",
            "ädä",
            "a/b",
            &"a".repeat(33),
        ] {
            assert!(handle(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn passwords_and_addresses_have_bounds() {
        let register = |password: &str, email: Option<&str>| {
            registration(&Register {
                handle: "ada".into(),
                password: password.into(),
                name: None,
                email: email.map(str::to_owned),
            })
        };
        assert_eq!(
            register("correct horse", Some("Ada@Example.ORG")).map(|a| a.email),
            Ok(Some("ada@example.org".into()))
        );
        assert!(register("short", None).is_err());
        assert!(register(&"x".repeat(1025), None).is_err());
        for bad in ["ada", "@x.y", "a@b", "a b@c.d", "a@b@c.d", "a@.d"] {
            assert!(
                register("correct horse", Some(bad)).is_err(),
                "{bad:?} was taken"
            );
        }
    }

    #[test]
    fn messages_have_bounds() {
        assert!(message(&send("hi")).is_ok());
        assert!(message(&send(&"ä".repeat(CONTENT_CHARS_MAX))).is_ok());
        for bad in [
            "",
            " \n",
            "a\u{1}b",
            &"x".repeat(CONTENT_CHARS_MAX + 1),
            &"🐟".repeat(CONTENT_BYTES_MAX / 4 + 1),
        ] {
            assert!(message(&send(bad)).is_err());
        }
        assert!(message(&send(&format!("e{}", "\u{301}".repeat(17)))).is_err());
        assert!(message(&send("क्षेत्रीय ภาษาไทย e\u{301}\u{323}")).is_ok());
        for bad in ["", "a b", "ä", &"x".repeat(129)] {
            let body = SendMessage {
                client_id: Some(bad.to_owned()),
                ..send("hi")
            };
            assert!(message(&body).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn names_cannot_hide_their_direction() {
        assert!(text("name", Some("ada\u{202e}evil".into()), 64).is_err());
        assert_eq!(text("name", Some("  ".into()), 64), Ok(None));
        assert_eq!(
            text("name", Some("عائشة".into()), 64),
            Ok(Some("عائشة".into()))
        );
    }

    #[test]
    fn pages_have_bounds() {
        assert_eq!(page_size(None), Ok(50));
        assert_eq!(page_size(Some(200)), Ok(200));
        for bad in [-1, 0, 201, i64::MAX] {
            assert!(page_size(Some(bad)).is_err());
        }
    }
}
