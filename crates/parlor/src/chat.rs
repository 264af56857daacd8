//! `parlor chat`: a conversation in the terminal, over the Rust client.

use std::collections::HashMap;

use anyhow::{Context, bail};
use parlor_client::{Api, ApiError, Event, Live, Status};
use parlor_protocol::{Code, Conversation, CreateConversation, Message, User};
use tokio::io::{AsyncBufReadExt, BufReader};

/// Messages shown when the conversation opens.
const HISTORY: u32 = 20;

/// Talk to somebody from the terminal. Each line is a message; Ctrl-D ends it.
#[derive(Debug, clap::Args)]
pub(crate) struct Chat {
    /// Who you are: a handle.
    me: String,
    /// Whom to talk to: a handle.
    with: String,
    /// The server.
    #[arg(long, default_value = "http://localhost:4600", env = "PARLOR_URL")]
    url: String,
    /// Make the account first.
    #[arg(long)]
    register: bool,
}

pub(crate) fn run(chat: &Chat) -> anyhow::Result<()> {
    let password = match std::env::var("PARLOR_PASSWORD") {
        Ok(password) => password,
        Err(_) => rpassword::prompt_password(format!("Password of {}: ", chat.me))
            .context("cannot read a password")?,
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(talk(chat, &password))
}

async fn talk(chat: &Chat, password: &str) -> anyhow::Result<()> {
    let api = Api::new(&chat.url);
    let signed_in = if chat.register {
        api.register(&chat.me, password, None).await
    } else {
        api.login(&chat.me, password).await
    };
    let auth = signed_in.map_err(|error| explain(error, chat))?;
    let mut refresh_token = auth.refresh_token;
    let api = api.with_token(&auth.access_token);
    let conversation = open(&api, chat).await?;
    let id = conversation.summary.id;
    let mut screen = Screen::new(&auth.user, &conversation);
    for message in api.history(id, None, HISTORY).await?.items {
        screen.show(&message);
    }

    let mut live = Live::connect(&chat.url, &auth.access_token);
    live.open(id).await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut reading = true;
    let mut unacked = 0;
    while reading || unacked > 0 {
        tokio::select! {
            line = lines.next_line(), if reading => match line.context("cannot read the terminal")? {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => {
                    live.send(id, &line).await?;
                    unacked += 1;
                }
                None => reading = false,
            },
            event = live.next() => match event {
                Some(Event::Sent { .. }) => unacked -= 1,
                Some(Event::Failed { detail, .. }) => {
                    unacked -= 1;
                    eprintln!("! not sent: {detail}");
                }
                Some(Event::Applied(message)) if message.conversation_id == id => screen.show(&message),
                Some(Event::Gap(gap)) if gap == id => eprintln!("! some messages are left out here"),
                Some(Event::Status(Status::TokenNeeded)) => {
                    let renewed = api.refresh(&refresh_token).await.map_err(|error| explain(error, chat))?;
                    refresh_token = renewed.refresh_token;
                    live.renew(&renewed.access_token).await?;
                }
                Some(Event::Status(Status::Waiting)) => eprintln!("! offline, trying again"),
                Some(Event::Status(Status::Stopped)) | None => bail!("signed out"),
                Some(_) => {}
            },
        }
    }
    Ok(())
}

async fn open(api: &Api, chat: &Chat) -> anyhow::Result<Conversation> {
    let found = api.find_users(&chat.with).await?.items;
    let Some(other) = found.into_iter().find(|user| user.handle == chat.with) else {
        bail!(
            "there is nobody with the handle {:?} on {}",
            chat.with,
            chat.url
        );
    };
    let body = CreateConversation {
        kind: None,
        member_ids: vec![other.id],
        title: None,
        label: None,
        metadata: None,
    };
    Ok(api.create_conversation(&body).await?)
}

/// What stands on the terminal: each message once, in order.
struct Screen {
    me: String,
    names: HashMap<String, String>,
    shown_seq: i64,
}

impl Screen {
    fn new(me: &User, conversation: &Conversation) -> Self {
        let names = conversation.summary.members.iter();
        Self {
            me: me.id.to_string(),
            names: names
                .map(|member| (member.user.id.to_string(), member.user.name.clone()))
                .collect(),
            shown_seq: 0,
        }
    }

    fn show(&mut self, message: &Message) {
        if message.seq <= self.shown_seq {
            return;
        }
        self.shown_seq = message.seq;
        let sender = message.sender_id.to_string();
        let name = if sender == self.me {
            "you"
        } else {
            self.names.get(&sender).map_or("?", String::as_str)
        };
        // Control characters of others must not drive this terminal.
        let text: String = message
            .content
            .chars()
            .map(|c| if c.is_control() && c != '\n' { '·' } else { c })
            .collect();
        println!("{name}: {text}");
    }
}

fn explain(error: ApiError, chat: &Chat) -> anyhow::Error {
    match error {
        ApiError::Refused(problem) if problem.code == Code::InvalidCredentials => {
            anyhow::anyhow!(
                "{}; to make the account {:?}, add --register",
                problem.title.to_lowercase(),
                chat.me
            )
        }
        ApiError::Unreachable(cause) => {
            anyhow::anyhow!("no server answers at {}: {cause}", chat.url)
        }
        error @ ApiError::Refused(_) => error.into(),
    }
}
