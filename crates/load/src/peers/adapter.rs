//! The adapters by the names that `peers.json` has for them.

use std::net::SocketAddr;

use anyhow::bail;
use tokio::runtime::Runtime;

use crate::{
    adapter::{Adapter, Visits},
    peers::{
        People, centrifuge::Centrifuge, nats::Nats, socketio::SocketIo,
        websocket_json::WebSocketJson, xmpp::Xmpp,
    },
    wire::Protocol,
};

/// How to speak with the server at `host`, an address with its port.
type Speak = fn(host: String, people: People) -> Box<dyn Protocol>;

/// A peer that takes tokens in a secret of ours, and rooms as the tokens name them.
struct Tokens {
    secret: String,
    speak: Speak,
}

/// The adapter of this name.
pub(crate) fn adapter(name: &str) -> anyhow::Result<Box<dyn Adapter>> {
    let speak: Speak = match name {
        "socketio" => |host, people| Box::new(SocketIo::new(host, people)),
        "websocket-json" => |host, people| Box::new(WebSocketJson::new(host, people)),
        "centrifuge" => |host, people| Box::new(Centrifuge::new(host, people)),
        "nats" => |_, people| Box::new(Nats::new(people)),
        "xmpp" => |_, people| Box::new(Xmpp::new(people)),
        _ => bail!("no adapter is called {name}"),
    };
    // Random enough for servers on loopback that live for minutes.
    let secret = uuid::Uuid::now_v7().simple().to_string();
    Ok(Box::new(Tokens { secret, speak }))
}

impl Adapter for Tokens {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("JWT_SECRET", self.secret.clone())]
    }

    fn prepare(
        &self,
        _runtime: &Runtime,
        address: SocketAddr,
        _rooms: &[usize],
    ) -> anyhow::Result<Box<dyn Protocol>> {
        let people = People::new(self.secret.clone());
        Ok((self.speak)(address.to_string(), people))
    }

    fn visits(
        &self,
        address: SocketAddr,
        _people: usize,
        conversations: usize,
    ) -> anyhow::Result<Visits> {
        let people = People::new(self.secret.clone()).in_rooms(conversations);
        let speak = self.speak;
        Ok(Box::new(move || speak(address.to_string(), people.clone())))
    }
}
