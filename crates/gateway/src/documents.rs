//! The served documents: OpenAPI from the handlers, AsyncAPI from the frames.

use parlor_protocol::schema;
use serde_json::{Value, json};
use utoipa::openapi::{
    InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use crate::router;

/// The OpenAPI document of the REST API.
pub fn openapi() -> OpenApi {
    router::api().1
}

/// The empty document that the handlers add themselves to.
pub(crate) fn base() -> OpenApi {
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Parlor")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some("Messaging over REST. Live events come over the WebSocket: see /api/v1/asyncapi.json."))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/api/v1").build()]))
        .security(Some([SecurityRequirement::new("bearer", Vec::<String>::new())]))
        .build();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

/// The AsyncAPI document of the WebSocket.
pub fn asyncapi() -> Value {
    let schemas: serde_json::Map<String, Value> = schema::schemas()
        .into_iter()
        .map(|(name, schema)| {
            let mut schema = serde_json::to_value(schema).unwrap_or_default();
            if matches!(name.as_str(), "ClientFrame" | "ServerFrame") {
                spell_fields(&mut schema);
            }
            (name, schema)
        })
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parlor",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Live messaging over one WebSocket: text frames of JSON, at most 64 KiB. Authorised by the \
                Authorization header, ?token=, or a first frame of type auth within 10 s."
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/api/v1/ws",
                "description": "Also at /api/ws and /messages/subscribe.",
                "messages": {
                    "client": { "$ref": "#/components/messages/client" },
                    "server": { "$ref": "#/components/messages/server" }
                }
            }
        },
        "operations": {
            "command": {
                "action": "receive",
                "channel": { "$ref": "#/channels/socket" },
                "messages": [{ "$ref": "#/channels/socket/messages/client" }]
            },
            "event": {
                "action": "send",
                "channel": { "$ref": "#/channels/socket" },
                "messages": [{ "$ref": "#/channels/socket/messages/server" }]
            }
        },
        "components": {
            "messages": {
                "client": { "name": "ClientFrame", "payload": { "$ref": "#/components/schemas/ClientFrame" } },
                "server": { "name": "ServerFrame", "payload": { "$ref": "#/components/schemas/ServerFrame" } }
            },
            "schemas": schemas
        }
    })
}

/// The fields of a frame as they stand on the wire: of an enum's variants the schema has the names that
/// they have in Rust.
fn spell_fields(frame: &mut Value) {
    let variants = frame["oneOf"].as_array_mut();
    for variant in variants.into_iter().flatten() {
        if let Some(properties) = variant["properties"].as_object_mut() {
            let spelled = std::mem::take(properties).into_iter();
            properties.extend(spelled.map(|(name, schema)| (camel_case(&name), schema)));
        }
        let required = variant["required"].as_array_mut();
        for name in required.into_iter().flatten() {
            *name = json!(camel_case(name.as_str().unwrap_or_default()));
        }
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1.min(word.len()));
        name + &head.to_ascii_uppercase() + tail
    })
}
