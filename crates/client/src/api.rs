//! REST calls, typed by the wire types.

use parlor_protocol::{
    AuthReply, Conversation, ConversationId, CreateConversation, LinkLogin, Login, Message,
    MessagePage, MoveCursor, Page, Problem, Refresh, Register, SendMessage, User, UserSummary,
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
