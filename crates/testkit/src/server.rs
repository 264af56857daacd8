//! A whole server in this process: application and gateway on a free port of loopback.

use std::{net::SocketAddr, sync::Arc};

use parlor_app::{App, AppConfig, Clock, SystemClock};
use parlor_auth::Keys;
use parlor_client::Api;
use parlor_core::Rate;
use parlor_gateway::{GatewayConfig, Server};

use crate::{Actor, Engine, TestStore};

/// No limit that a test would meet by accident.
const GENEROUS: Rate = Rate {
    per_minute: 1_000_000,
    burst: 100_000,
};

/// How a test's server differs from the usual one.
pub struct Options {
    /// The application's settings.
    pub app: AppConfig,
    /// The gateway's settings.
    pub gateway: GatewayConfig,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            app: AppConfig {
                logins_per_account: GENEROUS,
                logins_per_address: GENEROUS,
                requests_per_user: GENEROUS,
                ..AppConfig::default()
            },
            gateway: GatewayConfig {
                listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                ..GatewayConfig::default()
            },
            clock: Arc::new(SystemClock),
        }
    }
}

/// A running server.
pub struct TestServer {
    running: Option<(Arc<App>, Server)>,
    store: TestStore,
    options: Options,
    address: SocketAddr,
}

impl TestServer {
    /// A server with the usual settings on a fresh store.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    /// A server whose settings are changed first, on a fresh store.
    pub async fn start_with(engine: Engine, change: impl FnOnce(&mut Options)) -> Self {
        Self::start_on(TestStore::new(engine).await, change).await
    }

    /// A server whose settings are changed first, on a store that is there.
    pub async fn start_on(store: TestStore, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::default();
        change(&mut options);
        let mut server = Self {
            running: None,
            address: options.gateway.listen,
            store,
            options,
        };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        let keys = Keys::load_or_create(&self.store.folder.path().join("token.key")).expect("keys");
        let store = self.store.open().await;
        let app = App::start(
            self.options.app.clone(),
            store,
            &keys,
            self.options.clock.clone(),
        )
        .await
        .expect("starts");
        // The second run listens where the first one did: clients come back to the same address.
        let config = GatewayConfig {
            listen: self.address,
            ..self.options.gateway.clone()
        };
        let server = Server::start(app.clone(), config).expect("listens");
        self.address = server.address();
        self.running = Some((app, server));
    }

    /// Stops as SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some((app, server)) = self.running.take() {
            server.stop().await;
            app.stop().await;
        }
    }

    /// Stops and starts again on the same store and address.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Stops, begins another epoch as a restored backup does, and starts again.
    pub async fn begin_another_epoch(&mut self) {
        self.stop().await;
        let store = self.store.open().await;
        store.renew_epoch("restored").await.expect("renewed");
        store.close().await;
        self.run().await;
    }

    /// The application behind the gateway.
    ///
    /// # Panics
    /// When it is stopped.
    pub fn app(&self) -> &Arc<App> {
        &self.running.as_ref().expect("the server runs").0
    }

    /// Where it is, like `http://127.0.0.1:4600`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API without a token.
    pub fn api(&self) -> Api {
        Api::new(&self.url())
    }

    /// A person with an account and one live device.
    pub async fn actor(&self, handle: &str) -> Actor {
        Actor::register(self, handle).await
    }
}
