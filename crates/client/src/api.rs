//! REST calls, typed by the wire types.

use parlor_protocol::{
    AddMembers, AuthReply, Conversation, ConversationId, CreateConversation, EditMessage,
    LinkLogin, Login, Message, MessageId, MessagePage, MoveCursor, Page, Person, Problem, Refresh,
    Register, Role, SendMessage, SetTyping, SyncPage, User, UserId, UserSummary,
};
use reqwest::{Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server refused; its words.
    #[error("{}: {}", .0.code.as_str(), .0.detail)]
    Refused(Box<Problem>),
    /// No answer, or one that is not Parlor's.
    #[error("no usable answer: {0}")]
    Unreachable(String),
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        // Without the URL: it may hold what must not be printed.
        Self::Unreachable(error.without_url().to_string())
    }
}

/// A server's REST API, with or without a token.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// The API of the server at `url`, like `http://localhost:4600`.
    pub fn new(url: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: format!("{}/api/v1", url.trim_end_matches('/')),
            token: None,
        }
    }

    /// The same API for whom this token speaks.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Makes an account and signs in.
    pub async fn register(
        &self,
        handle: &str,
        password: &str,
        name: Option<&str>,
    ) -> Result<AuthReply, ApiError> {
        let body = Register {
            handle: handle.to_owned(),
            password: password.to_owned(),
            name: name.map(str::to_owned),
            email: None,
        };
        self.post("/auth/register", &body).await
    }

    /// Signs in.
    pub async fn login(&self, login: &str, password: &str) -> Result<AuthReply, ApiError> {
        self.post(
            "/auth/login",
            &Login {
                login: login.to_owned(),
                password: password.to_owned(),
            },
        )
        .await
    }

    /// Signs in with the code of a login link.
    pub async fn login_by_link(&self, code: &str) -> Result<AuthReply, ApiError> {
        self.post(
            "/auth/link",
            &LinkLogin {
                code: code.to_owned(),
            },
        )
        .await
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Result<AuthReply, ApiError> {
        self.post(
            "/auth/refresh",
            &Refresh {
                refresh_token: refresh_token.to_owned(),
            },
        )
        .await
    }

    /// Ends this session.
    pub async fn logout(&self) -> Result<(), ApiError> {
        done(self.request(Method::POST, "/auth/logout")).await
    }

    /// Oneself.
    pub async fn me(&self) -> Result<User, ApiError> {
        read(self.request(Method::GET, "/users/me")).await
    }

    /// One person, and whether they are here where the caller may see it.
    pub async fn person(&self, id: &UserId) -> Result<Person, ApiError> {
        let path = format!("/users/{}", segment(id.as_str()));
        read(self.request(Method::GET, &path)).await
    }

    /// Says whether one is writing in a conversation.
    pub async fn typing(&self, id: ConversationId, typing: bool) -> Result<(), ApiError> {
        done(
            self.request(Method::POST, &format!("/conversations/{id}/typing"))
                .json(&SetTyping { typing }),
        )
        .await
    }

    /// People by the beginning of handle or name.
    pub async fn find_users(&self, query: &str) -> Result<Page<UserSummary>, ApiError> {
        read(
            self.request(Method::GET, "/users")
                .query(&[("query", query)]),
        )
        .await
    }

    /// A page of one's conversations by last activity.
    pub async fn conversations(
        &self,
        cursor: Option<&str>,
    ) -> Result<Page<Conversation>, ApiError> {
        read(
            self.request(Method::GET, "/conversations")
                .query(&cursor.map(|cursor| [("cursor", cursor)])),
        )
        .await
    }

    /// One conversation.
    pub async fn conversation(&self, id: ConversationId) -> Result<Conversation, ApiError> {
        read(self.request(Method::GET, &format!("/conversations/{id}"))).await
    }

    /// Makes a conversation, or finds the direct one that exists.
    pub async fn create_conversation(
        &self,
        body: &CreateConversation,
    ) -> Result<Conversation, ApiError> {
        self.post("/conversations", body).await
    }

    /// Sends a message; it is on disk when this answers.
    pub async fn send(&self, id: ConversationId, body: &SendMessage) -> Result<Message, ApiError> {
        self.post(&format!("/conversations/{id}/messages"), body)
            .await
    }

    /// The messages just after a `seq`, or the newest when there is none.
    pub async fn history(
        &self,
        id: ConversationId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<MessagePage, ApiError> {
        let request = self
            .request(Method::GET, &format!("/conversations/{id}/messages"))
            .query(&[("limit", limit)]);
        read(request.query(&after.map(|after| [("after", after)]))).await
    }

    /// Moves one's read cursor up.
    pub async fn mark_read(&self, id: ConversationId, seq: i64) -> Result<(), ApiError> {
        done(
            self.request(Method::POST, &format!("/conversations/{id}/read"))
                .json(&MoveCursor { seq }),
        )
        .await
    }

    /// The messages just before a `seq`.
    pub async fn history_before(
        &self,
        id: ConversationId,
        before: i64,
        limit: u32,
    ) -> Result<MessagePage, ApiError> {
        let request = self.request(Method::GET, &format!("/conversations/{id}/messages"));
        read(request.query(&[("before", before), ("limit", i64::from(limit))])).await
    }

    /// What has changed since a cursor, or, without one, the first page of everything.
    pub async fn sync(
        &self,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<SyncPage, ApiError> {
        let request = self
            .request(Method::GET, "/sync")
            .query(&limit.map(|limit| [("limit", limit)]));
        read(request.query(&cursor.map(|cursor| [("cursor", cursor)]))).await
    }

    /// Changes the text of one's own message.
    pub async fn edit(
        &self,
        id: ConversationId,
        message_id: MessageId,
        content: &str,
    ) -> Result<Message, ApiError> {
        let body = EditMessage {
            content: content.to_owned(),
        };
        let path = format!("/conversations/{id}/messages/{message_id}");
        read(self.request(Method::PATCH, &path).json(&body)).await
    }

    /// Deletes a message for everyone; its place stays.
    pub async fn delete(&self, id: ConversationId, message_id: MessageId) -> Result<(), ApiError> {
        let path = format!("/conversations/{id}/messages/{message_id}");
        done(self.request(Method::DELETE, &path)).await
    }

    /// Puts an emoji on a message.
    pub async fn react(
        &self,
        id: ConversationId,
        message_id: MessageId,
        emoji: &str,
    ) -> Result<(), ApiError> {
        done(self.reaction(Method::PUT, id, message_id, emoji)).await
    }

    /// Takes one's own emoji off a message.
    pub async fn unreact(
        &self,
        id: ConversationId,
        message_id: MessageId,
        emoji: &str,
    ) -> Result<(), ApiError> {
        done(self.reaction(Method::DELETE, id, message_id, emoji)).await
    }

    /// Sets one's read cursor back, so that what follows `seq` is unread.
    pub async fn mark_unread(&self, id: ConversationId, seq: i64) -> Result<(), ApiError> {
        done(
            self.request(Method::POST, &format!("/conversations/{id}/unread"))
                .json(&MoveCursor { seq }),
        )
        .await
    }

    /// Makes people members of a conversation.
    pub async fn add_members(
        &self,
        id: ConversationId,
        user_ids: Vec<UserId>,
        role: Option<Role>,
    ) -> Result<(), ApiError> {
        done(
            self.request(Method::POST, &format!("/conversations/{id}/members"))
                .json(&AddMembers { user_ids, role }),
        )
        .await
    }

    /// Removes a member; oneself to leave.
    pub async fn remove_member(
        &self,
        id: ConversationId,
        user_id: &UserId,
    ) -> Result<(), ApiError> {
        let path = format!("/conversations/{id}/members/{}", segment(user_id.as_str()));
        done(self.request(Method::DELETE, &path)).await
    }

    /// Hides a conversation and clears its history for the caller, until its next message.
    pub async fn hide(&self, id: ConversationId) -> Result<(), ApiError> {
        done(self.request(Method::DELETE, &format!("/conversations/{id}"))).await
    }

    fn reaction(
        &self,
        method: Method,
        id: ConversationId,
        message_id: MessageId,
        emoji: &str,
    ) -> RequestBuilder {
        let emoji = segment(emoji);
        let path = format!("/conversations/{id}/messages/{message_id}/reactions/{emoji}");
        self.request(method, &path)
    }

    async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ApiError> {
        read(self.request(Method::POST, path).json(body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// A text as one segment of a path.
fn segment(text: &str) -> String {
    use std::fmt::Write;

    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

async fn answer(request: RequestBuilder) -> Result<Response, ApiError> {
    let response = request.send().await?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    match response.json::<Problem>().await {
        Ok(problem) => Err(ApiError::Refused(Box::new(problem))),
        Err(_) => Err(ApiError::Unreachable(format!(
            "status {status} without a problem document"
        ))),
    }
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
    Ok(answer(request).await?.json().await?)
}

async fn done(request: RequestBuilder) -> Result<(), ApiError> {
    answer(request).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_segment_of_a_path_holds_any_text() {
        assert_eq!(segment("ada-1_b.c~"), "ada-1_b.c~");
        assert_eq!(segment("a/b?c#d"), "a%2Fb%3Fc%23d");
        assert_eq!(segment("auth0|5f7@x"), "auth0%7C5f7%40x");
        assert_eq!(segment("👍"), "%F0%9F%91%8D");
    }
}
