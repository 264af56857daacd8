//! Who is in a conversation.

use parlor_core::{Actor, Refusal, append::Change, conversation::decide_change};
use parlor_protocol::{
    AddMembers, ChangeConversation, ChangeMember, ChangeMembership, ConversationId, Member, Role,
    UserId, limits::MEMBER_IDS_MAX,
};

use crate::{App, app::refused, messages::PendingChange};

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

    /// Queues another role for a member.
    pub fn set_role(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        user_id: UserId,
        body: ChangeMember,
    ) -> Result<PendingChange, Refusal> {
        let change = Change::SetRole {
            user_id,
            role: body.role,
        };
        self.change(actor, conversation_id, change)
    }

    /// A member as all of them see them.
    pub async fn member(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        user_id: &UserId,
    ) -> Result<Member, Refusal> {
        self.history_begins(actor, conversation_id).await?;
        let member = self.store.member(conversation_id, user_id).await;
        member
            .map_err(refused)?
            .ok_or_else(|| Refusal::not_found("member"))
    }

    /// Queues another name, label or other fields of the app.
    pub fn change_conversation(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        body: ChangeConversation,
    ) -> Result<PendingChange, Refusal> {
        let change = Change::Settings(decide_change(body)?);
        self.change(actor, conversation_id, change)
    }

    /// Queues what concerns one's own side only.
    pub fn change_membership(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        body: ChangeMembership,
    ) -> Result<PendingChange, Refusal> {
        let ChangeMembership {
            muted_until,
            pinned,
            archived,
        } = body;
        let change = Change::Own {
            muted_until,
            pinned,
            archived,
        };
        self.change(actor, conversation_id, change)
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
