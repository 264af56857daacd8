//! What a conversation is called, and the app's own fields.

use super::{
    super::{Event, Item, Locked},
    next_version, seen,
};
use crate::{
    Refusal,
    conversation::{SettingsChange, may_change},
};

pub(super) fn change_settings(
    item: &Item,
    change: &SettingsChange,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    may_change(conversation.kind, member.role)?;
    let settings = locked
        .settings
        .get_mut(&item.conversation_id)
        .expect("loaded with the batch");
    let before = settings.clone();
    change.apply(settings);
    if *settings == before {
        return Ok(());
    }
    let settings = settings.clone();
    locked.touched.settings.insert(item.conversation_id);
    let version = next_version(locked, item);
    events.push(Event::Settings {
        conversation_id: item.conversation_id,
        version,
        settings,
        updated_at: item.now,
    });
    Ok(())
}
