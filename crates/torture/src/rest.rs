//! REST calls, each with what became of it: done, refused, or unknown.
//!
//! Not the client crate's `Api`: what is tested should not be tested by itself. Every call has a deadline, because the
//! network may swallow an answer.

use std::time::Duration;

use anyhow::{Context, Result};
use parlor_protocol::{
    AddMembers, AuthReply, Code, Conversation, ConversationId, CreateConversation, EditMessage,
    Message, MessagePage, MoveCursor, Page, Problem, Register, SendMessage, limits::PAGE_MAX,
};
use parlor_testkit::history::{Call, Place};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;

/// How long a call may take: the server's own bound is 20 s, and most people are less patient.
const CALL_MAX: Duration = Duration::from_secs(8);

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    /// It is done.
    Done(T),
    /// It is refused; nothing was done.
    Refused(Code),
    /// Nobody knows.
    Unknown,
}

/// The API for whom a token speaks.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// Whether nothing was done, and the same again may be.
pub(crate) fn is_worth_repeating(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::StorageFull | Code::RateLimited | Code::RequestTimeout
    )
}

impl Rest {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: format!("{url}/api/v1"),
            token: token.to_owned(),
        }
    }

    /// Makes an account.
    pub(crate) async fn register(url: &str, handle: &str) -> Result<AuthReply> {
        let body = Register {
            handle: handle.to_owned(),
            password: "correct horse battery".to_owned(),
            name: None,
            email: None,
        };
        let nobody = Self::new(url, "");
        let request = nobody.request(Method::POST, "/auth/register").json(&body);
        done(answer(request).await).context("cannot register")
    }

    /// Makes a conversation.
    pub(crate) async fn create(&self, body: &CreateConversation) -> Result<Conversation> {
        let request = self.request(Method::POST, "/conversations").json(body);
        done(answer(request).await).context("cannot make a conversation")
    }

    /// Does what is asked for; the place of the message for a send.
    pub(crate) async fn call(&self, call: &Call) -> Outcome<Option<Place>> {
        let at = |id: ConversationId, rest: &str| format!("/conversations/{id}{rest}");
        match call {
            Call::Send {
                conversation_id,
                client_id,
                content,
            } => {
                let body = SendMessage {
                    content: content.clone(),
                    client_id: Some(client_id.clone()),
                    ..SendMessage::default()
                };
                let path = at(*conversation_id, "/messages");
                let request = self.request(Method::POST, &path).json(&body);
                match answer::<Message>(request).await {
                    Outcome::Done(message) => Outcome::Done(Some(Place::from(&message))),
                    Outcome::Refused(code) => Outcome::Refused(code),
                    Outcome::Unknown => Outcome::Unknown,
                }
            }
            Call::Edit {
                conversation_id,
                message_id,
                content,
            } => {
                let path = at(*conversation_id, &format!("/messages/{message_id}"));
                let content = content.clone();
                let request = self.request(Method::PATCH, &path);
                told(request.json(&EditMessage { content })).await
            }
            Call::Delete {
                conversation_id,
                message_id,
            } => {
                let path = at(*conversation_id, &format!("/messages/{message_id}"));
                told(self.request(Method::DELETE, &path)).await
            }
            Call::React {
                conversation_id,
                message_id,
                emoji,
                on,
            } => {
                let rest = format!("/messages/{message_id}/reactions/{emoji}");
                let method = if *on { Method::PUT } else { Method::DELETE };
                told(self.request(method, &at(*conversation_id, &rest))).await
            }
            Call::SetMember {
                conversation_id,
                user_id,
                member: true,
            } => {
                let body = AddMembers {
                    user_ids: vec![user_id.clone()],
                    role: None,
                };
                let path = at(*conversation_id, "/members");
                told(self.request(Method::POST, &path).json(&body)).await
            }
            Call::SetMember {
                conversation_id,
                user_id,
                member: false,
            } => {
                let path = at(*conversation_id, &format!("/members/{user_id}"));
                told(self.request(Method::DELETE, &path)).await
            }
            Call::Read {
                conversation_id,
                seq,
            } => {
                let request = self.request(Method::POST, &at(*conversation_id, "/read"));
                told(request.json(&MoveCursor { seq: *seq })).await
            }
            Call::Look { conversation_id } => {
                told(self.request(Method::GET, &at(*conversation_id, ""))).await
            }
        }
    }

    /// One's conversations.
    pub(crate) async fn conversations(&self) -> Result<Vec<Conversation>> {
        let request = self.request(Method::GET, "/conversations");
        let page: Page<Conversation> =
            done(answer(request.query(&[("limit", PAGE_MAX)])).await).context("no list")?;
        anyhow::ensure!(page.next_cursor.is_none(), "more conversations than made");
        Ok(page.items)
    }

    /// The newest messages of a conversation, or those after a place.
    pub(crate) async fn history(
        &self,
        id: ConversationId,
        after: Option<i64>,
    ) -> Outcome<MessagePage> {
        let path = format!("/conversations/{id}/messages");
        let request = self
            .request(Method::GET, &path)
            .query(&[("limit", PAGE_MAX)])
            .query(&after.map(|after| [("after", after)]));
        answer(request).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        request.timeout(CALL_MAX).bearer_auth(&self.token)
    }
}

pub(crate) fn done<T>(outcome: Outcome<T>) -> Result<T> {
    match outcome {
        Outcome::Done(value) => Ok(value),
        Outcome::Refused(code) => anyhow::bail!("refused: {}", code.as_str()),
        Outcome::Unknown => anyhow::bail!("no answer"),
    }
}

/// A call whose reply says nothing of interest.
async fn told(request: RequestBuilder) -> Outcome<Option<Place>> {
    match sent(request).await {
        Outcome::Done(_) => Outcome::Done(None),
        Outcome::Refused(code) => Outcome::Refused(code),
        Outcome::Unknown => Outcome::Unknown,
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Outcome<T> {
    match sent(request).await {
        Outcome::Done(response) => response
            .json()
            .await
            .map_or(Outcome::Unknown, Outcome::Done),
        Outcome::Refused(code) => Outcome::Refused(code),
        Outcome::Unknown => Outcome::Unknown,
    }
}

async fn sent(request: RequestBuilder) -> Outcome<reqwest::Response> {
    let Ok(response) = request.send().await else {
        return Outcome::Unknown;
    };
    if response.status().is_success() {
        return Outcome::Done(response);
    }
    match response.json::<Problem>().await {
        Ok(problem) => match problem.code {
            Code::UnknownOutcome | Code::Internal => Outcome::Unknown,
            code => Outcome::Refused(code),
        },
        Err(_) => Outcome::Unknown,
    }
}
