//! Who may see whether somebody is here. Whoever shares a conversation with them; what else will decide
//! it is asked here and nowhere else.

use std::collections::HashMap;

use parlor_protocol::{ConversationId, UserId};
use parlor_store::{Store, StoreError};

/// Watchers that one question names.
const ASKED_AT_ONCE: usize = 200;

/// Those of these people whom the viewer may see. It holds both ways: they may see the viewer.
pub(crate) async fn visible(
    store: &Store,
    viewer: &UserId,
    people: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let mut visible = Vec::new();
    for some in people.chunks(ASKED_AT_ONCE) {
        visible.extend(store.sharing(viewer, some).await?);
    }
    if people.contains(viewer) && !visible.contains(viewer) {
        visible.push(viewer.clone());
    }
    Ok(visible)
}

/// The conversations in which everybody hears unasked of each of these people.
pub(crate) async fn rooms(
    store: &Store,
    people: &[UserId],
) -> Result<HashMap<UserId, Vec<ConversationId>>, StoreError> {
    store.rooms_of(people).await
}
