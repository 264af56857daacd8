//! Users of the host app: recognised many at once, made and brought up to date in one transaction.

use std::collections::HashMap;

use parlor_core::host::{HostUser, Taken};
use parlor_protocol::{Timestamp, UserId};
use sqlx::QueryBuilder;

use crate::{
    Store, StoreError,
    engine::{read, write},
    rows::{row, user_id},
};

/// How a user that a host app speaks of stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostStanding {
    /// Nobody has this id.
    New,
    /// Stored as the app says.
    Same,
    /// Stored, but the app says something new of them.
    Changed,
    /// The id belongs to somebody who has an account of Parlor's own: the app does not speak for them.
    Foreign,
}

row! {
    struct StoredRow {
        id: String,
        from_host: bool,
        name: String,
        avatar_url: Option<String>,
        email: Option<String>,
    }
}

row! {
    struct OwnedRow {
        id: String,
        handle: String,
        email: Option<String>,
    }
}

impl StoredRow {
    fn standing(&self, user: &HostUser) -> HostStanding {
        let (picture, email) = (self.avatar_url.as_deref(), self.email.as_deref());
        if !self.from_host {
            HostStanding::Foreign
        } else if user.is_news(&self.name, picture, email) {
            HostStanding::Changed
        } else {
            HostStanding::Same
        }
    }
}

impl Store {
    /// How each of these users stands, in their order. Some hundreds at most.
    pub async fn host_standings(
        &self,
        users: &[HostUser],
    ) -> Result<Vec<HostStanding>, StoreError> {
        let rows: Vec<StoredRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT id, from_host, name, avatar_url, email FROM users WHERE id IN (",
            );
            let mut list = query.separated(", ");
            for user in users {
                list.push_bind(user.id.as_str());
            }
            query.push(")");
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(pool)
                .await?
        });
        let stored: HashMap<&str, &StoredRow> =
            rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let standing = |user: &HostUser| {
            let stored = stored.get(user.id.as_str());
            stored.map_or(HostStanding::New, |stored| stored.standing(user))
        };
        Ok(users.iter().map(standing).collect())
    }

    /// Makes new users and brings changed ones up to date, all in one transaction; some hundreds at
    /// most, each once. Says who was made: of the others somebody else took the id, the handles or
    /// the address meanwhile, so they are to be looked at again.
    pub async fn admit_host_users(
        &self,
        new: &[HostUser],
        changed: &[HostUser],
        now: Timestamp,
    ) -> Result<Vec<UserId>, StoreError> {
        let made: Vec<String> = write!(self, |Db, tx| {
            let mut query =
                QueryBuilder::<Db>::new("SELECT id, handle, email FROM users WHERE handle IN (''");
            for handle in new.iter().flat_map(|user| &user.handles) {
                query.push(", ").push_bind(handle);
            }
            query.push(") OR email IN (''");
            for email in new
                .iter()
                .chain(changed)
                .filter_map(|user| user.email.as_ref())
            {
                query.push(", ").push_bind(email);
            }
            query.push(")");
            let owned: Vec<OwnedRow> = query
                .build_query_as()
                .persistent(false)
                .fetch_all(&mut *tx)
                .await?;
            let mut taken = taken(owned)?;
            for user in changed {
                let email = taken.give_email(user);
                sqlx::query(
                    "UPDATE users SET name = COALESCE($2, name), name_lower = COALESCE($3, name_lower),
                       avatar_url = COALESCE($4, avatar_url), email = COALESCE($5, email)
                     WHERE id = $1 AND from_host",
                )
                .bind(user.id.as_str())
                .bind(&user.name)
                .bind(user.name.as_ref().map(|name| name.to_lowercase()))
                .bind(&user.picture)
                .bind(email)
                .execute(&mut *tx)
                .await?;
            }
            let placed: Vec<_> = new
                .iter()
                .filter_map(|user| Some((user, taken.give_handle(user)?, taken.give_email(user))))
                .collect();
            if placed.is_empty() {
                Vec::new()
            } else {
                let mut insert = QueryBuilder::<Db>::new(
                    "INSERT INTO users (id, handle, name, name_lower, email, avatar_url, from_host, created_at) ",
                );
                insert.push_values(&placed, |mut row, (user, handle, email)| {
                    let name = user.name.as_ref().unwrap_or(handle);
                    row.push_bind(user.id.as_str())
                        .push_bind(handle)
                        .push_bind(name)
                        .push_bind(name.to_lowercase())
                        .push_bind(email)
                        .push_bind(&user.picture)
                        .push_bind(true)
                        .push_bind(now.0);
                });
                insert.push(" ON CONFLICT DO NOTHING RETURNING id");
                insert
                    .build_query_scalar()
                    .persistent(false)
                    .fetch_all(&mut *tx)
                    .await?
            }
        });
        made.iter().map(|id| user_id(id)).collect()
    }
}

fn taken(rows: Vec<OwnedRow>) -> Result<Taken, StoreError> {
    let mut taken = Taken::default();
    for row in rows {
        if let Some(email) = row.email {
            taken.emails.insert(email, user_id(&row.id)?);
        }
        taken.handles.insert(row.handle);
    }
    Ok(taken)
}
