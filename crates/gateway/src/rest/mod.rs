//! The REST API: one function for each call, its documentation beside it.

mod auth;
mod conversations;
mod links;
mod messages;
mod state;
mod sync;
mod users;

pub(crate) use auth::routes as auth;
pub(crate) use conversations::routes as conversations;
pub(crate) use links::routes as links;
pub(crate) use messages::routes as messages;
pub(crate) use state::routes as state;
pub(crate) use sync::routes as sync;
pub(crate) use users::routes as users;
