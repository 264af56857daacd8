//! What a conversation may become when it is made, and who may write in it.

use std::collections::BTreeSet;

use parlor_protocol::{
    ChangeConversation, Code, ConversationKind, CreateConversation, Role, UserId,
    limits::{LABEL_CHARS_MAX, MEMBER_IDS_MAX, METADATA_BYTES_MAX, TITLE_CHARS_MAX},
};

use crate::{Refusal, append::Settings, validate::text};

/// A conversation that may be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConversation {
    /// What kind it is.
    pub kind: ConversationKind,
    /// For direct ones: the two members' names in one text, unique in the store.
    pub direct_key: Option<String>,
    /// Its name; never for direct ones.
    pub title: Option<String>,
    /// A short tag beside the name.
    pub label: Option<String>,
    /// The app's own fields, as JSON text.
    pub metadata: String,
    /// Everyone in it, the maker first.
    pub members: Vec<(UserId, Role)>,
}

/// The text that makes a direct conversation unique: a space never stands in a user id.
pub fn direct_key(one: &UserId, other: &UserId) -> String {
    let (first, second) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    format!("{first} {second}")
}

/// Decides what `POST /conversations` makes. Whether the members exist is for the store to say.
pub fn decide_create(maker: &UserId, body: CreateConversation) -> Result<NewConversation, Refusal> {
    let CreateConversation {
        kind,
        member_ids,
        title,
        label,
        metadata,
    } = body;
    if member_ids.len() > MEMBER_IDS_MAX {
        return Err(Refusal::field(
            "memberIds",
            format!("at most {MEMBER_IDS_MAX} at once"),
        ));
    }
    let others: BTreeSet<UserId> = member_ids.into_iter().filter(|id| id != maker).collect();
    let kind = kind.unwrap_or(if others.len() == 1 && title.is_none() {
        ConversationKind::Direct
    } else {
        ConversationKind::Group
    });
    let title = text("title", title, TITLE_CHARS_MAX)?;
    let label = text("label", label, LABEL_CHARS_MAX)?;
    let metadata = metadata_text(metadata.as_ref())?;

    let (direct_key, own_role, other_role) = match kind {
        ConversationKind::Direct => {
            let mut pair = others.iter();
            let (Some(other), None) = (pair.next(), pair.next()) else {
                return Err(Refusal::field(
                    "memberIds",
                    "a direct conversation has exactly one other member",
                ));
            };
            if title.is_some() {
                return Err(Refusal::field(
                    "title",
                    "a direct conversation has no title",
                ));
            }
            (Some(direct_key(maker, other)), Role::Member, Role::Member)
        }
        ConversationKind::Group | ConversationKind::Channel => {
            if title.is_none() {
                return Err(Refusal::field("title", "a group or channel needs a title"));
            }
            (None, Role::Owner, Role::Member)
        }
    };
    let members = std::iter::once((maker.clone(), own_role))
        .chain(others.into_iter().map(|id| (id, other_role)))
        .collect();
    Ok(NewConversation {
        kind,
        direct_key,
        title,
        label,
        metadata,
        members,
    })
}

fn metadata_text(
    metadata: Option<&serde_json::Map<String, serde_json::Value>>,
) -> Result<String, Refusal> {
    let text = metadata.map_or_else(
        || "{}".to_owned(),
        |fields| serde_json::Value::Object(fields.clone()).to_string(),
    );
    if text.len() > METADATA_BYTES_MAX {
        return Err(Refusal::field(
            "metadata",
            format!("at most {METADATA_BYTES_MAX} bytes of JSON"),
        ));
    }
    Ok(text)
}

/// A change of what a conversation is called; what is absent stays.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsChange {
    title: Option<String>,
    label: Option<Option<String>>,
    metadata: Option<String>,
}

impl SettingsChange {
    /// Changes them.
    pub fn apply(&self, settings: &mut Settings) {
        if let Some(title) = &self.title {
            settings.title = Some(title.clone());
        }
        if let Some(label) = &self.label {
            settings.label.clone_from(label);
        }
        if let Some(metadata) = &self.metadata {
            settings.metadata.clone_from(metadata);
        }
    }
}

/// Decides what `PATCH /conversations/{id}` may say.
pub fn decide_change(body: ChangeConversation) -> Result<SettingsChange, Refusal> {
    let ChangeConversation {
        title,
        label,
        metadata,
    } = body;
    let title = match title {
        None => None,
        given => Some(
            text("title", given, TITLE_CHARS_MAX)?
                .ok_or_else(|| Refusal::field("title", "a group or channel needs a title"))?,
        ),
    };
    let label = match label {
        None => None,
        Some(label) => Some(text("label", label, LABEL_CHARS_MAX)?),
    };
    let metadata = match metadata {
        None => None,
        given => Some(metadata_text(given.as_ref())?),
    };
    Ok(SettingsChange {
        title,
        label,
        metadata,
    })
}

/// Whether a member may change what the conversation is called.
pub fn may_change(kind: ConversationKind, role: Role) -> Result<(), Refusal> {
    match kind {
        ConversationKind::Direct => Err(Refusal::new(
            Code::Forbidden,
            "a direct conversation has no name of its own",
        )),
        _ if role < Role::Admin => Err(Refusal::new(
            Code::Forbidden,
            "only admins change a conversation",
        )),
        _ => Ok(()),
    }
}

/// Whether a member may make, see and revoke join links.
pub fn may_link(kind: ConversationKind, role: Role) -> Result<(), Refusal> {
    match kind {
        ConversationKind::Direct => Err(Refusal::new(
            Code::Forbidden,
            "a direct conversation keeps its two people; make a group instead",
        )),
        _ if role < Role::Admin => {
            Err(Refusal::new(Code::Forbidden, "only admins make join links"))
        }
        _ => Ok(()),
    }
}

/// Whether a member may give another one, or themselves, this role. Everybody may step down.
pub fn may_set_role(
    kind: ConversationKind,
    actor: Role,
    before: Role,
    role: Role,
    is_own: bool,
) -> Result<(), Refusal> {
    let steps_down = is_own && role <= before;
    match kind {
        ConversationKind::Direct => Err(Refusal::new(
            Code::Forbidden,
            "a direct conversation has no roles",
        )),
        _ if actor == Role::Owner || steps_down => Ok(()),
        _ => Err(Refusal::new(Code::Forbidden, "only owners say who is what")),
    }
}

/// Whether a member may write. Not a member is 404 elsewhere: they may not know that it exists.
pub fn may_write(kind: ConversationKind, role: Role) -> Result<(), Refusal> {
    match (kind, role) {
        (ConversationKind::Channel, Role::Member) => Err(Refusal::new(
            Code::Forbidden,
            "only admins write in a channel",
        )),
        _ => Ok(()),
    }
}

/// Whether a member may delete a message for everyone.
pub fn may_delete(kind: ConversationKind, role: Role, own: bool) -> Result<(), Refusal> {
    if own || (kind != ConversationKind::Direct && role >= Role::Admin) {
        Ok(())
    } else {
        Err(Refusal::new(
            Code::Forbidden,
            "only its sender or an admin deletes a message",
        ))
    }
}

/// Whether a member may make others members with this role.
pub fn may_manage(kind: ConversationKind, actor: Role, granted: Role) -> Result<(), Refusal> {
    match kind {
        ConversationKind::Direct => Err(Refusal::new(
            Code::Forbidden,
            "a direct conversation keeps its two people; make a group instead",
        )),
        _ if actor < Role::Admin => Err(Refusal::new(
            Code::Forbidden,
            "only admins change the members",
        )),
        _ if granted > Role::Member && actor < Role::Owner => Err(Refusal::new(
            Code::Forbidden,
            "only an owner makes admins and owners",
        )),
        _ => Ok(()),
    }
}

/// Whether a member may remove another one.
pub fn may_remove(actor: Role, other: Role) -> Result<(), Refusal> {
    if actor == Role::Owner || (actor == Role::Admin && other == Role::Member) {
        Ok(())
    } else {
        Err(Refusal::new(
            Code::Forbidden,
            "owners remove anyone, admins remove members",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> UserId {
        text.parse().expect("a valid id")
    }

    fn body(
        members: &[&str],
        kind: Option<ConversationKind>,
        title: Option<&str>,
    ) -> CreateConversation {
        CreateConversation {
            kind,
            member_ids: members.iter().map(|m| id(m)).collect(),
            title: title.map(str::to_owned),
            label: None,
            metadata: None,
        }
    }

    #[test]
    fn one_other_member_and_no_kind_is_direct() {
        let made = decide_create(&id("ada"), body(&["grace"], None, None)).expect("allowed");
        assert_eq!(made.kind, ConversationKind::Direct);
        assert_eq!(made.direct_key.as_deref(), Some("ada grace"));
        let from_the_other_side =
            decide_create(&id("grace"), body(&["ada", "ada", "grace"], None, None));
        assert_eq!(
            from_the_other_side.expect("allowed").direct_key.as_deref(),
            Some("ada grace")
        );
    }

    #[test]
    fn a_group_has_an_owner_and_a_title() {
        let made = decide_create(
            &id("ada"),
            body(&["grace", "linus"], None, Some(" Kitchen ")),
        )
        .expect("allowed");
        assert_eq!(made.title.as_deref(), Some("Kitchen"));
        assert_eq!(made.members[0], (id("ada"), Role::Owner));
        assert_eq!(made.members.len(), 3);
    }

    #[test]
    fn what_cannot_be_made_names_its_field() {
        use ConversationKind::{Direct, Group};
        let many: Vec<String> = (0..=MEMBER_IDS_MAX).map(|n| format!("u{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (bad, field) in [
            (body(&[], Some(Direct), None), "memberIds"),
            (body(&["ada"], Some(Direct), None), "memberIds"),
            (body(&["grace", "linus"], Some(Direct), None), "memberIds"),
            (body(&["grace"], Some(Direct), Some("x")), "title"),
            (body(&["grace"], Some(Group), None), "title"),
            (body(&["grace"], Some(Group), Some("  ")), "title"),
            (
                body(&["grace"], Some(Group), Some(&"x".repeat(129))),
                "title",
            ),
            (body(&many, Some(Group), Some("x")), "memberIds"),
        ] {
            let refusal = decide_create(&id("ada"), bad).expect_err("refused");
            assert_eq!(refusal.fields[0].field, field);
        }
    }

    #[test]
    fn only_admins_write_in_a_channel() {
        assert!(may_write(ConversationKind::Channel, Role::Member).is_err());
        assert!(may_write(ConversationKind::Channel, Role::Admin).is_ok());
        assert!(may_write(ConversationKind::Group, Role::Member).is_ok());
    }
}
