//! Who is in a conversation.

use parlor_core::{Actor, Refusal, append::Change};
use parlor_protocol::{AddMembers, ConversationId, Role, UserId, limits::MEMBER_IDS_MAX};

use crate::{App, messages::PendingChange};

impl App {
    /// Queues making people members.
    pub fn add_members(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        body: AddMembers,
    ) -> Result<PendingChange, Refusal> {
        let AddMembers { mut user_ids, role } = body;
        if user_ids.is_empty() || user_ids.len() > MEMBER_IDS_MAX {
            return Err(Refusal::field(
                "userIds",
                format!("1–{MEMBER_IDS_MAX} at once"),
            ));
        }
        user_ids.sort_unstable();
        user_ids.dedup();
        let change = Change::AddMembers {
            user_ids,
            role: role.unwrap_or(Role::Member),
        };
        self.change(actor, conversation_id, change)
    }

    /// Queues the end of a membership; of one's own: leaving.
    pub fn remove_member(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        user_id: UserId,
    ) -> Result<PendingChange, Refusal> {
        self.change(actor, conversation_id, Change::RemoveMember { user_id })
    }

    /// Queues putting a conversation away and clearing one's own history of it.
    pub fn hide(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
    ) -> Result<PendingChange, Refusal> {
        self.change(actor, conversation_id, Change::Hide)
    }
}
