//! Settings: one table of all of them, read from a file and from the environment.
//!
//! The table is the only place that knows names, defaults and words; the example file, the
//! environment's names and the errors come from it.

use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use parlor_app::{AppConfig, Lasting};
use parlor_auth::{HostTokens, HostTokensError};
use parlor_core::Rate;
use parlor_gateway::GatewayConfig;
use parlor_store::{Database, StoreConfig};

/// Something outside the program that makes it impossible to run; exit code 2.
#[derive(Debug)]
pub(crate) struct Unusable(pub(crate) String);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// One setting.
struct Setting {
    section: &'static str,
    key: &'static str,
    /// A fixed name in the environment besides `PARLOR_<SECTION>_<KEY>`.
    env: Option<&'static str>,
    default: &'static str,
    /// What a value looks like.
    wants: &'static str,
    about: &'static str,
}

const SETTINGS: &[Setting] = &[
    Setting {
        section: "server",
        key: "host",
        env: Some("HOST"),
        default: "127.0.0.1",
        wants: "an IP address",
        about: "Where to listen. 0.0.0.0 or :: for every interface.",
    },
    Setting {
        section: "server",
        key: "port",
        env: Some("PORT"),
        default: "4600",
        wants: "a number from 0 to 65535",
        about: "The port; 0 takes a free one.",
    },
    Setting {
        section: "server",
        key: "data_dir",
        env: Some("PARLOR_DATA_DIR"),
        default: "parlor-data",
        wants: "a folder",
        about: "The folder for the database, keys and files. It is made if missing.",
    },
    Setting {
        section: "server",
        key: "public_url",
        env: Some("PARLOR_PUBLIC_URL"),
        default: "",
        wants: "a URL beginning with http:// or https://",
        about: "How people reach this server, for links; http://localhost:PORT when empty.",
    },
    Setting {
        section: "server",
        key: "cors_origins",
        env: Some("PARLOR_CORS_ORIGINS"),
        default: "",
        wants: "origins like https://app.example.org, separated by commas",
        about: "Origins whose pages may call the API with credentials.",
    },
    Setting {
        section: "server",
        key: "trusted_proxies",
        env: Some("PARLOR_TRUSTED_PROXIES"),
        default: "",
        wants: "IP addresses separated by commas",
        about: "Proxies whose X-Forwarded-For is believed.",
    },
    Setting {
        section: "server",
        key: "drain_ms",
        env: None,
        default: "10000",
        wants: "a number of milliseconds up to 60000",
        about: "How long sockets get to leave when the server stops.",
    },
    Setting {
        section: "database",
        key: "url",
        env: Some("DATABASE_URL"),
        default: "",
        wants: "postgres://… or sqlite:FILE",
        about: "postgres://user:password@host/name, or sqlite:FILE; a SQLite file in the data folder when empty. Of several hosts (host1:5432,host2:5432) the one that takes writes is used.",
    },
    Setting {
        section: "database",
        key: "connections_max",
        env: None,
        default: "16",
        wants: "a number from 1 to 500",
        about: "Most database connections at once.",
    },
    Setting {
        section: "auth",
        key: "registration",
        env: None,
        default: "open",
        wants: "open or closed",
        about: "Whether anyone may register.",
    },
    Setting {
        section: "auth",
        key: "access_token_ms",
        env: None,
        default: "3600000",
        wants: "a number of milliseconds from 60000",
        about: "How long an access token lives.",
    },
    Setting {
        section: "auth",
        key: "session_ms",
        env: None,
        default: "2592000000",
        wants: "a number of milliseconds from 60000",
        about: "How long a session lives without being used.",
    },
    Setting {
        section: "auth",
        key: "password_hashes_max",
        env: None,
        default: "2",
        wants: "a number from 1 to 64",
        about: "Passwords hashed at once; each takes 19 MiB.",
    },
    Setting {
        section: "jwt",
        key: "secret",
        env: None,
        default: "",
        wants: "at least 32 bytes",
        about: "The secret with which your own app signs tokens for its users, who then need no account here.",
    },
    Setting {
        section: "jwt",
        key: "issuer",
        env: None,
        default: "",
        wants: "a text",
        about: "What must stand in these tokens as iss; needed with a secret.",
    },
    Setting {
        section: "jwt",
        key: "audience",
        env: None,
        default: "",
        wants: "a text",
        about: "What must stand in these tokens as aud; needed with a secret.",
    },
    Setting {
        section: "jwt",
        key: "algorithms",
        env: None,
        default: "HS256",
        wants: "HS256, the only one so far",
        about: "How these tokens are signed.",
    },
    Setting {
        section: "limits",
        key: "logins_per_account_per_minute",
        env: None,
        default: "10",
        wants: "a number from 1",
        about: "Sign-in attempts for one account.",
    },
    Setting {
        section: "limits",
        key: "logins_per_address_per_minute",
        env: None,
        default: "60",
        wants: "a number from 1",
        about: "Sign-ins and registrations from one address.",
    },
    Setting {
        section: "limits",
        key: "commands_per_minute",
        env: None,
        default: "3000",
        wants: "a number from 1",
        about: "Commands on one socket.",
    },
    Setting {
        section: "limits",
        key: "commands_burst",
        env: None,
        default: "200",
        wants: "a number from 1",
        about: "Commands on one socket at once.",
    },
    Setting {
        section: "limits",
        key: "sockets_per_user_max",
        env: None,
        default: "100",
        wants: "a number from 1",
        about: "Sockets of one user at once.",
    },
    Setting {
        section: "limits",
        key: "attaching_max",
        env: None,
        default: "2000",
        wants: "a number from 1 to 1000000",
        about: "Sockets that may be opening at once; more are answered 503 and come back.",
    },
    Setting {
        section: "limits",
        key: "requests_per_user_per_minute",
        env: None,
        default: "3000",
        wants: "a number from 1",
        about: "REST requests of one user.",
    },
    Setting {
        section: "limits",
        key: "sockets_max",
        env: None,
        default: "500000",
        wants: "a number from 1",
        about: "Sockets at once on this node.",
    },
    Setting {
        section: "demo",
        key: "enabled",
        env: Some("PARLOR_DEMO"),
        default: "false",
        wants: "true or false",
        about: "Whether an empty server is filled with a demo, and login links for its people are printed.",
    },
    Setting {
        section: "log",
        key: "format",
        env: None,
        default: "text",
        wants: "text or json",
        about: "How log lines look.",
    },
    Setting {
        section: "log",
        key: "filter",
        env: None,
        default: "info",
        wants: "a level (error, warn, info, debug, trace) or directives like info,parlor_gateway=debug",
        about: "What is logged.",
    },
];

/// Settings that work.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) public_url: Option<String>,
    pub(crate) store: StoreConfig,
    pub(crate) app: AppConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) log_json: bool,
    pub(crate) log_filter: String,
}

impl Setting {
    fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    fn long_env(&self) -> String {
        format!("PARLOR_{}_{}", self.section, self.key).to_uppercase()
    }
}

/// Every setting with its default, as a commented configuration file.
pub(crate) fn example() -> String {
    let mut out = String::from(
        "# Parlor's settings with their defaults. Pass the file with `parlor serve --config FILE`.\n\
         # Each can be set in the environment too, which wins over the file.\n",
    );
    let mut section = "";
    for setting in SETTINGS {
        if section != setting.section {
            section = setting.section;
            let _ = write!(out, "\n[{section}]\n");
        }
        let env = setting.env.map_or_else(
            || setting.long_env(),
            |env| format!("{env} or {}", setting.long_env()),
        );
        let _ = write!(out, "# {}\n# ({}; {env})\n", setting.about, setting.wants);
        let quoted = setting.default.parse::<i64>().is_err();
        let quote = if quoted { "\"" } else { "" };
        let _ = writeln!(out, "#{} = {quote}{}{quote}", setting.key, setting.default);
    }
    out
}

/// A value and where it came from, for errors.
struct Value {
    text: String,
    from: String,
}

struct Values(BTreeMap<String, Value>);

impl Values {
    fn gather(file: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Unusable> {
        let mut values = BTreeMap::new();
        if let Some(path) = file {
            read_file(path, &mut values)?;
        }
        for setting in SETTINGS {
            for name in setting
                .env
                .map(str::to_owned)
                .into_iter()
                .chain([setting.long_env()])
            {
                if let Some(text) = env(&name).filter(|text| !text.is_empty()) {
                    values.insert(setting.name(), Value { text, from: name });
                }
            }
        }
        Ok(Self(values))
    }

    fn text(&self, name: &str) -> String {
        let default = || {
            SETTINGS
                .iter()
                .find(|s| s.name() == name)
                .map(|s| s.default.to_owned())
                .unwrap_or_default()
        };
        self.0
            .get(name)
            .map_or_else(default, |value| value.text.trim().to_owned())
    }

    /// Reads a value; one that does not fit names the setting, the value and what would do.
    fn read<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Unusable> {
        let text = self.text(name);
        read(&text).ok_or_else(|| {
            let from = self
                .0
                .get(name)
                .map_or("its default", |value| value.from.as_str());
            let wants = SETTINGS
                .iter()
                .find(|s| s.name() == name)
                .map_or("", |s| s.wants);
            Unusable(format!(
                "{name} (from {from}) is {text:?}, but must be {wants}"
            ))
        })
    }

    fn number(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, Unusable> {
        self.read(name, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    fn millis(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, Unusable> {
        Ok(Duration::from_millis(self.number(name, range)?))
    }

    fn rate(&self, per_minute: &str, burst: Option<&str>) -> Result<Rate, Unusable> {
        let per_minute = self.number(per_minute, 1..=10_000_000)? as u32;
        let burst = burst.map_or(Ok(u64::from(per_minute)), |name| {
            self.number(name, 1..=1_000_000)
        })?;
        Ok(Rate {
            per_minute,
            burst: burst as u32,
        })
    }
}

impl Values {
    /// How tokens of the host app are checked; none without a secret.
    fn host_tokens(&self) -> Result<Option<HostTokens>, Unusable> {
        self.read("jwt.algorithms", |text| (text == "HS256").then_some(()))?;
        // To the letter, or the app would sign with another one; and it must not come back on a terminal.
        let secret = self.0.get("jwt.secret").map_or("", |value| &value.text);
        let (issuer, audience) = (self.text("jwt.issuer"), self.text("jwt.audience"));
        if secret.is_empty() {
            return if issuer.is_empty() && audience.is_empty() {
                Ok(None)
            } else {
                Err(Unusable(
                    "jwt.issuer or jwt.audience is set, but jwt.secret (PARLOR_JWT_SECRET) is not"
                        .into(),
                ))
            };
        }
        HostTokens::hs256(secret.as_bytes(), &issuer, &audience)
            .map(Some)
            .map_err(|error| {
                Unusable(match error {
                    HostTokensError::SecretTooShort => {
                        "jwt.secret (PARLOR_JWT_SECRET) must be at least 32 bytes long".into()
                    }
                    HostTokensError::NotPinned => format!(
                        "{} must be set when jwt.secret (PARLOR_JWT_SECRET) is: only tokens with this value are taken",
                        if issuer.is_empty() {
                            "jwt.issuer (PARLOR_JWT_ISSUER)"
                        } else {
                            "jwt.audience (PARLOR_JWT_AUDIENCE)"
                        }
                    ),
                })
            })
    }
}

fn read_file(path: &Path, values: &mut BTreeMap<String, Value>) -> Result<(), Unusable> {
    let from = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Unusable(format!("cannot read the configuration file {from}: {e}")))?;
    let table: toml::Table = text
        .parse()
        .map_err(|e| Unusable(format!("{from} is not TOML: {e}")))?;
    for (section, keys) in table {
        let toml::Value::Table(keys) = keys else {
            return Err(Unusable(format!(
                "{from}: {section} must stand in a section; `parlor config` shows all settings"
            )));
        };
        for (key, value) in keys {
            let name = format!("{section}.{key}");
            if !SETTINGS.iter().any(|setting| setting.name() == name) {
                return Err(Unusable(format!(
                    "{from}: there is no setting {name}; `parlor config` shows all of them"
                )));
            }
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(items) => items
                    .iter()
                    .map(|item| item.as_str().unwrap_or_default())
                    .collect::<Vec<_>>()
                    .join(","),
                other => other.to_string(),
            };
            values.insert(
                name,
                Value {
                    text,
                    from: from.clone(),
                },
            );
        }
    }
    Ok(())
}

impl Config {
    /// Reads the file, if one is given, and the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Unusable> {
        Self::from(file, &|name| std::env::var(name).ok())
    }

    fn from(file: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Unusable> {
        let values = Values::gather(file, env)?;
        let data_dir = PathBuf::from(values.text("server.data_dir"));
        let host: IpAddr = values.read("server.host", |text| match text {
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            text => text.parse().ok(),
        })?;
        let port = values.number("server.port", 0..=65535)? as u16;
        let public_url = values.read("server.public_url", |text| {
            let fits =
                text.is_empty() || text.starts_with("http://") || text.starts_with("https://");
            fits.then(|| Some(text.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty()))
        })?;
        let database = values.read("database.url", |text| match text {
            "" => Some(Database::Sqlite(data_dir.join("parlor.db"))),
            text if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
                Some(Database::Postgres(text.to_owned()))
            }
            text => text
                .strip_prefix("sqlite:")
                .map(|path| Database::Sqlite(path.trim_start_matches("//").into())),
        });
        // The URL may hold a password, which must not come back on a terminal.
        let database = database.map_err(|_| {
            Unusable(
                "database.url (DATABASE_URL) must begin with postgres://, postgresql:// or sqlite:"
                    .into(),
            )
        })?;
        Ok(Self {
            store: StoreConfig {
                database,
                connections_max: values.number("database.connections_max", 1..=500)? as u32,
            },
            app: AppConfig {
                access_token_lifetime: values
                    .millis("auth.access_token_ms", 60_000..=86_400_000)?,
                session_lifetime: values.millis("auth.session_ms", 60_000..=31_536_000_000)?,
                password_hashes_max: values.number("auth.password_hashes_max", 1..=64)? as usize,
                logins_per_account: values.rate("limits.logins_per_account_per_minute", None)?,
                logins_per_address: values.rate("limits.logins_per_address_per_minute", None)?,
                registration_open: values.read("auth.registration", |text| match text {
                    "open" => Some(true),
                    "closed" => Some(false),
                    _ => None,
                })?,
                host_tokens: values.host_tokens()?,
                requests_per_user: values.rate("limits.requests_per_user_per_minute", None)?,
                sockets_per_user_max: values.number("limits.sockets_per_user_max", 1..=1_000_000)?
                    as usize,
                attaching_max: values.number("limits.attaching_max", 1..=1_000_000)? as usize,
                demo: values.read("demo.enabled", |text| text.parse().ok())?,
                lasting: Lasting::default(),
            },
            gateway: GatewayConfig {
                public_url: public_url.clone(),
                listen: SocketAddr::new(host, port),
                cors_origins: values.read("server.cors_origins", |text| list(text, origin))?,
                trusted_proxies: values.read("server.trusted_proxies", |text| {
                    list(text, |item| item.parse().ok())
                })?,
                commands: values
                    .rate("limits.commands_per_minute", Some("limits.commands_burst"))?,
                sockets_max: values.number("limits.sockets_max", 1..=10_000_000)? as usize,
                drain: values.millis("server.drain_ms", 0..=60_000)?,
            },
            log_json: values.read("log.format", |text| match text {
                "json" => Some(true),
                "text" => Some(false),
                _ => None,
            })?,
            log_filter: values.read("log.filter", |text| {
                text.parse::<tracing_subscriber::filter::Targets>()
                    .ok()
                    .map(|_| text.to_owned())
            })?,
            data_dir,
            public_url,
        })
    }
}

fn list<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(read)
        .collect()
}

/// `scheme://host[:port]` and nothing after it: what a browser sends as `Origin`.
fn origin(text: &str) -> Option<String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    (!rest.is_empty() && !rest.contains(['/', '*', ' ', '?', '#'])).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, Unusable> {
        Config::from(None, &|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let config = load(&[]).expect("the defaults work");
        assert_eq!(config.gateway.listen.to_string(), "127.0.0.1:4600");
        assert_eq!(
            config.store.database,
            Database::Sqlite("parlor-data/parlor.db".into())
        );
        assert_eq!(config.gateway.commands, GatewayConfig::default().commands);
    }

    #[test]
    fn fixed_and_long_names_are_honoured() {
        let config = load(&[
            ("PORT", "1"),
            ("HOST", "::1"),
            ("DATABASE_URL", "postgres://x@y/z"),
            ("PARLOR_CORS_ORIGINS", "https://a.example, http://b:1"),
            ("PARLOR_LIMITS_COMMANDS_BURST", "7"),
            ("PARLOR_AUTH_REGISTRATION", "closed"),
        ])
        .expect("works");
        assert_eq!(config.gateway.listen.to_string(), "[::1]:1");
        assert_eq!(
            config.store.database,
            Database::Postgres("postgres://x@y/z".into())
        );
        assert_eq!(
            config.gateway.cors_origins,
            ["https://a.example", "http://b:1"]
        );
        assert_eq!(config.gateway.commands.burst, 7);
        assert!(!config.app.registration_open);
    }

    #[test]
    fn a_wrong_value_names_the_setting_the_value_and_what_would_do() {
        for (name, value) in [
            ("PORT", "http"),
            ("PORT", "65536"),
            ("HOST", "example.org"),
            ("PARLOR_PUBLIC_URL", "example.org"),
            ("PARLOR_CORS_ORIGINS", "*"),
            ("PARLOR_CORS_ORIGINS", "https://a.example/path"),
            ("PARLOR_TRUSTED_PROXIES", "proxy"),
            ("PARLOR_AUTH_REGISTRATION", "maybe"),
            ("PARLOR_LOG_FORMAT", "xml"),
            ("PARLOR_LIMITS_SOCKETS_MAX", "0"),
        ] {
            let text = load(&[(name, value)]).expect_err("refused").0;
            assert!(
                text.contains(name) && text.contains(value) && text.contains("must be"),
                "{text}"
            );
        }
        let text = load(&[("DATABASE_URL", "mysql://u:secret@h/d")])
            .expect_err("refused")
            .0;
        assert!(
            text.contains("DATABASE_URL") && !text.contains("secret"),
            "{text}"
        );
    }

    #[test]
    fn tokens_of_the_host_app_are_pinned() {
        const SECRET: (&str, &str) = ("PARLOR_JWT_SECRET", "0123456789abcdef0123456789abcdef");
        const ISSUER: (&str, &str) = ("PARLOR_JWT_ISSUER", "https://app.example");
        const AUDIENCE: (&str, &str) = ("PARLOR_JWT_AUDIENCE", "parlor");
        let config = load(&[SECRET, ISSUER, AUDIENCE]).expect("works");
        assert!(config.app.host_tokens.is_some());
        assert!(!format!("{config:?}").contains(SECRET.1), "{config:?}");
        assert!(load(&[]).expect("works").app.host_tokens.is_none());
        for (pairs, must_say) in [
            (&[SECRET][..], "PARLOR_JWT_ISSUER"),
            (&[SECRET, AUDIENCE], "PARLOR_JWT_ISSUER"),
            (&[SECRET, ISSUER], "PARLOR_JWT_AUDIENCE"),
            (&[ISSUER], "PARLOR_JWT_SECRET"),
            (&[AUDIENCE], "PARLOR_JWT_SECRET"),
            (
                &[("PARLOR_JWT_SECRET", "short secret"), ISSUER, AUDIENCE],
                "32 bytes",
            ),
            (
                &[SECRET, ISSUER, AUDIENCE, ("PARLOR_JWT_ALGORITHMS", "RS256")],
                "HS256",
            ),
            (
                &[
                    SECRET,
                    ISSUER,
                    AUDIENCE,
                    ("PARLOR_JWT_ALGORITHMS", "HS256,none"),
                ],
                "PARLOR_JWT_ALGORITHMS",
            ),
        ] {
            let text = load(pairs).expect_err("refused").0;
            assert!(text.contains(must_say), "{text}");
            assert!(
                !text.contains(SECRET.1) && !text.contains("short secret"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_example_is_a_file_that_changes_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("parlor.toml");
        let uncommented: String = example()
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or(line)
                    .to_owned()
                    + "\n"
            })
            .collect();
        std::fs::write(&path, uncommented).expect("written");
        let config = Config::from(Some(&path), &|_| None).expect("works");
        assert_eq!(
            format!("{config:?}"),
            format!("{:?}", load(&[]).expect("works"))
        );
        std::fs::write(&path, "[server]\nprot = 1\n").expect("written");
        assert!(
            Config::from(Some(&path), &|_| None)
                .expect_err("refused")
                .0
                .contains("server.prot")
        );
    }
}
