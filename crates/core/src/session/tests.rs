//! The life of a connection, played without a socket and without a clock.

use parlor_protocol::{SyncedUser, Timestamp, User};
use proptest::prelude::*;

use super::*;
use crate::Actor;

const LIMITS: SessionLimits = SessionLimits {
    commands: Rate {
        per_minute: 3000,
        burst: 100,
    },
};

struct Bench {
    session: Session,
    now_ms: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            session: Session::new(LIMITS, 0.5, 0),
            now_ms: 0,
        }
    }

    fn live() -> Self {
        let mut bench = Self::new();
        bench.on(Input::Opened {
            token: Some("t".into()),
            cursor: None,
        });
        bench.on(Input::Authenticated {
            reference: None,
            result: Ok(identity("ada", 60_000)),
        });
        let out = bench.on(Input::Attached {
            epoch: "e".into(),
            cursor: "c".into(),
            resumes: false,
        });
        assert!(matches!(
            out[..],
            [Output::Send(ServerFrame::Connected { resumed: false, .. })]
        ));
        bench
    }

    fn on(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        self.session.handle(input, self.now_ms, &mut out);
        out
    }

    fn wait(&mut self) -> Vec<Output> {
        self.now_ms = self.session.deadline().expect("a deadline is set");
        self.on(Input::Timer)
    }
}

fn identity(user: &str, expires_in_ms: u64) -> Identity {
    Identity {
        actor: Actor {
            user_id: user.parse().expect("a valid id"),
            session_id: None,
        },
        expires_in_ms,
    }
}

fn page(has_more: bool) -> Box<SyncPage> {
    Box::new(SyncPage {
        cursor: "next".into(),
        epoch: "e".into(),
        reset: false,
        has_more,
        user: SyncedUser {
            user: User {
                id: "ada".parse().expect("a valid id"),
                handle: "ada".into(),
                name: "Ada".into(),
                avatar_url: None,
                email: None,
                bio: None,
                created_at: Timestamp(0),
            },
            user_version: 0,
        },
        conversations: Vec::new(),
        removed: Vec::new(),
    })
}

#[test]
fn r8_what_was_missed_comes_before_anything_live() {
    let mut bench = Bench::new();
    bench.on(Input::Text(r#"{"type":"auth","token":"t","cursor":"old"}"#));
    let out = bench.on(Input::Authenticated {
        reference: None,
        result: Ok(identity("ada", 60_000)),
    });
    assert!(
        matches!(&out[..], [Output::Attach { cursor: Some(cursor), .. }] if cursor == "old"),
        "{out:?}"
    );
    let out = bench.on(Input::Attached {
        epoch: "e".into(),
        cursor: "old".into(),
        resumes: true,
    });
    assert!(matches!(
        &out[..],
        [
            Output::Send(ServerFrame::Connected { resumed: true, .. }),
            Output::Sync { cursor }
        ] if cursor == "old"
    ));
    assert!(!bench.session.hears() && !bench.session.reads());
    let out = bench.on(Input::Synced(page(true)));
    assert!(matches!(
        &out[..],
        [
            Output::Send(ServerFrame::Sync { .. }),
            Output::Sync { cursor }
        ] if cursor == "next"
    ));
    assert!(!bench.session.hears());
    bench.now_ms = 50_000;
    let out = bench.on(Input::Synced(page(false)));
    assert!(matches!(&out[..], [Output::Send(ServerFrame::Sync { .. })]));
    assert!(bench.session.hears() && bench.session.reads());
    // A long resume is no silence.
    assert_eq!(bench.wait(), [Output::Close(CloseCode::Unauthorized)]);
    assert_eq!(bench.now_ms, 60_000);
    // A page that comes too late says nothing.
    assert_eq!(bench.on(Input::Synced(page(false))), []);
}

#[test]
fn r11_heartbeats_are_spread() {
    let heartbeat = |random| Session::new(LIMITS, random, 0).heartbeat_ms;
    assert_eq!(
        [heartbeat(0.0), heartbeat(0.5), heartbeat(1.0)],
        [20_000, 25_000, 30_000]
    );
}

#[test]
fn without_a_credential_it_ends_after_ten_seconds() {
    let mut bench = Bench::new();
    assert!(
        bench
            .on(Input::Opened {
                token: None,
                cursor: None
            })
            .is_empty()
    );
    assert_eq!(bench.session.deadline(), Some(10_000));
    assert_eq!(bench.wait(), [Output::Close(CloseCode::Unauthorized)]);
    assert_eq!(bench.session.deadline(), None);
}

#[test]
fn a_slow_verification_does_not_outlive_the_deadline() {
    let mut bench = Bench::new();
    bench.now_ms = 9_000;
    bench.on(Input::Opened {
        token: Some("t".into()),
        cursor: None,
    });
    assert_eq!(bench.wait(), [Output::Close(CloseCode::Unauthorized)]);
    assert_eq!(bench.now_ms, 10_000);
}

#[test]
fn the_first_frame_may_carry_the_credential_and_nothing_else() {
    let mut bench = Bench::new();
    let out = bench.on(Input::Text(r#"{"type":"auth","token":"t"}"#));
    assert_eq!(
        out,
        [Output::Authenticate {
            reference: None,
            token: "t".into()
        }]
    );
    let mut bench = Bench::new();
    assert_eq!(
        bench.on(Input::Text(r#"{"type":"ping"}"#)),
        [Output::Close(CloseCode::Unauthorized)]
    );
    let mut bench = Bench::new();
    assert_eq!(
        bench.on(Input::Text("hello")),
        [Output::Close(CloseCode::BadFrame)]
    );
    assert_eq!(bench.on(Input::Text(r#"{"type":"auth","token":"t"}"#)), []);
}

#[test]
fn a_bad_token_ends_it_and_a_store_that_is_away_says_come_back() {
    for (code, close) in [
        (Code::SessionRevoked, CloseCode::Revoked),
        (Code::Unauthorized, CloseCode::Unauthorized),
        (Code::Unavailable, CloseCode::Restart),
        (Code::StorageFull, CloseCode::Restart),
        (Code::Internal, CloseCode::Restart),
    ] {
        let mut bench = Bench::new();
        bench.on(Input::Opened {
            token: Some("t".into()),
            cursor: None,
        });
        let result = Err(Refusal::new(code, "no"));
        assert_eq!(
            bench.on(Input::Authenticated {
                reference: None,
                result
            }),
            [Output::Close(close)]
        );
    }
}

#[test]
fn silence_is_asked_once_and_then_ended() {
    let mut bench = Bench::live();
    assert_eq!(bench.wait(), [Output::Ping]);
    assert_eq!(bench.now_ms, HEARTBEAT_MS);
    bench.on(Input::Alive);
    assert_eq!(bench.wait(), [Output::Ping]);
    assert_eq!(bench.now_ms, 2 * HEARTBEAT_MS);
    // The token lasts for 60 s; a newer one keeps the session beyond it.
    bench.on(Input::Text(r#"{"type":"auth","token":"t2"}"#));
    let result = Ok(identity("ada", 600_000));
    bench.on(Input::Authenticated {
        reference: None,
        result,
    });
    assert_eq!(bench.wait(), [Output::Ping]);
    assert_eq!(bench.wait(), [Output::Close(CloseCode::HeartbeatMissed)]);
}

#[test]
fn an_expired_token_ends_it_unless_renewed_by_the_same_person() {
    let mut bench = Bench::live();
    bench.now_ms = 50_000;
    bench.on(Input::Alive);
    assert_eq!(bench.wait(), [Output::Close(CloseCode::Unauthorized)]);
    assert_eq!(bench.now_ms, 60_000);

    let mut bench = Bench::live();
    bench.on(Input::Text(r#"{"type":"auth","ref":"r","token":"t2"}"#));
    let result = Ok(identity("ada", 600_000));
    let out = bench.on(Input::Authenticated {
        reference: Some(Ref::Text("r".into())),
        result,
    });
    assert!(matches!(&out[..], [Output::Send(ServerFrame::Ack { .. })]));

    let mut bench = Bench::live();
    bench.on(Input::Text(r#"{"type":"auth","token":"t2"}"#));
    let out = bench.on(Input::Authenticated {
        reference: None,
        result: Ok(identity("grace", 600_000)),
    });
    assert_eq!(out, [Output::Close(CloseCode::Unauthorized)]);
}

#[test]
fn a_flood_is_refused_and_then_ended() {
    let mut bench = Bench::live();
    let mut refused = 0;
    for _ in 0..1000 {
        match &bench.on(Input::Text(r#"{"type":"ping","ref":"r"}"#))[..] {
            [Output::Pong { .. }] => assert_eq!(refused, 0),
            [
                Output::Send(ServerFrame::Error {
                    code: Code::RateLimited,
                    retry_after_ms: Some(_),
                    ..
                }),
            ] => refused += 1,
            [Output::Close(CloseCode::RateLimited)] => break,
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(refused, RATE_STRIKES_MAX);
    assert_eq!(bench.session.deadline(), None);
}

#[test]
fn a_steady_flood_ends_it_although_some_commands_are_taken() {
    let mut bench = Bench::live();
    let mut closed_ms = None;
    for ms in 0..15_000 {
        bench.now_ms = ms;
        let out = bench.on(Input::Text(r#"{"type":"ping"}"#));
        if out.contains(&Output::Close(CloseCode::RateLimited)) {
            closed_ms = Some(ms);
            break;
        }
    }
    assert!(
        closed_ms.is_some_and(|ms| ms < 1_000),
        "closed at {closed_ms:?}"
    );
}

#[test]
fn a_client_that_rests_is_forgiven() {
    let mut bench = Bench::live();
    for round in 0..20 {
        bench.now_ms = round * 10_000;
        bench.on(Input::Authenticated {
            reference: None,
            result: Ok(identity("ada", 60_000)),
        });
        for _ in 0..LIMITS.commands.burst + 50 {
            let out = bench.on(Input::Text(r#"{"type":"ping"}"#));
            assert!(
                !out.iter().any(|output| matches!(output, Output::Close(_))),
                "in round {round}"
            );
        }
    }
}

#[test]
fn a_flood_of_pings_ends_it() {
    let mut bench = Bench::live();
    let ended = (0..1000).any(|_| {
        bench
            .on(Input::Alive)
            .contains(&Output::Close(CloseCode::RateLimited))
    });
    assert!(ended);
}

#[test]
fn commands_become_executions_and_invalid_ones_errors() {
    let mut bench = Bench::live();
    let out = bench.on(Input::Text(
        r#"{"type":"receipt.read","ref":"r","conversationId":"0190b2c8-0000-7000-8000-000000000001","seq":3}"#,
    ));
    assert!(matches!(
        out[..],
        [Output::Execute {
            command: Command::Receipt {
                status: ReceiptStatus::Read,
                seq: 3,
                ..
            },
            ..
        }]
    ));
    let out = bench.on(Input::Text(r#"{"type":"message.send","ref":"r"}"#));
    assert!(matches!(
        &out[..],
        [Output::Send(ServerFrame::Error {
            code: Code::InvalidRequest,
            ..
        })]
    ));
    assert_eq!(
        bench.on(Input::Text("{")),
        [Output::Close(CloseCode::BadFrame)]
    );
}

#[test]
fn a_drain_says_when_to_come_back() {
    let mut bench = Bench::live();
    let out = bench.on(Input::Drain { after_ms: 700 });
    assert_eq!(
        out,
        [
            Output::Send(ServerFrame::Reconnect { after_ms: 700 }),
            Output::Close(CloseCode::Restart)
        ]
    );
}

proptest! {
    /// Whatever arrives in whatever order: at most one close, nothing after it, and a deadline
    /// that is never missed twice.
    #[test]
    fn nothing_follows_a_close(steps in prop::collection::vec((0_u8..10, 0_u64..40_000), 0..80)) {
        let mut bench = Bench::new();
        let mut closed = false;
        for (what, pause) in steps {
            bench.now_ms += pause;
            let out = match what {
                0 => bench.on(Input::Opened { token: Some("t".into()), cursor: None }),
                1 => bench.on(Input::Text(r#"{"type":"auth","token":"t"}"#)),
                2 => bench.on(Input::Authenticated { reference: None, result: Ok(identity("ada", 90_000)) }),
                3 => bench.on(Input::Attached { epoch: "e".into(), cursor: "c".into(), resumes: pause % 2 == 0 }),
                4 => bench.on(Input::Text(r#"{"type":"ping"}"#)),
                5 => bench.on(Input::Alive),
                6 => bench.on(Input::Text("{}")),
                8 => bench.on(Input::Synced(page(pause % 3 == 0))),
                7 => bench.on(Input::Drain { after_ms: 1 }),
                _ => bench.on(Input::Timer),
            };
            prop_assert!(!closed || out.is_empty());
            let closes = out.iter().filter(|o| matches!(o, Output::Close(_))).count();
            prop_assert!(closes <= 1);
            if closes == 1 {
                prop_assert!(matches!(out.last(), Some(Output::Close(_))));
                closed = true;
            }
        }
    }
}
