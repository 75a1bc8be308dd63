//! Extended authentication [4.12]: the messages between CONNECT and CONNACK, and those of a client that proves itself
//! once more.

use auth::{Credentials, Decision, Exchange, Verdict};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use events::{ConnackReason, DisconnectReason};
use mqtt::{Packet, Properties, ReasonCode, Version};

use super::{Connection, Phase, Turn, Workspace};
use crate::clock::Now;
use crate::ending::Ending;
use crate::hub::Hub;
use crate::session::{Effects, Link};

/// The method a connection was authenticated with, and where it stands.
#[derive(Debug)]
pub(crate) struct Method {
    name: ByteString,
    /// An exchange under way.
    exchange: Option<Exchange>,
    /// What CONNACK brings of the exchange that has let the client in.
    proof: Option<Vec<u8>>,
}

impl Method {
    /// Method and data, for CONNACK [MQTT-4.12.0-5]; the data is there once.
    pub(crate) fn take_properties(&mut self, builder: mqtt::PropertiesBuilder) -> mqtt::PropertiesBuilder {
        with_method(builder, &self.name, &self.proof.take().unwrap_or_default())
    }
}

impl Connection {
    /// Begins the exchange that CONNECT asks for; the end of the connection where it is none.
    pub(super) fn begin_exchange(&mut self, now: Now, work: &mut Workspace) -> Turn {
        let Some(credentials) = self.credentials() else { return Turn::Wait };
        let Phase::Stranger(stranger) = &self.phase else { return Turn::Wait };
        let Some(properties) = stranger.connect.as_ref().map(|connect| connect.properties.clone()) else {
            return Turn::Wait;
        };
        let name = ByteString::from(properties.authentication_method().unwrap_or_default());
        let asked = (&*name, properties.authentication_data());
        match self.hub.auth.begin_exchange(asked, &credentials) {
            Some(Ok(exchange)) => {
                let answer = auth_packet(ReasonCode::ContinueAuthentication, &name, exchange.challenge());
                work.fx.send(&answer, Version::V5);
                let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
                stranger.count_sent(&mut work.fx, &self.hub);
                stranger.method = Some(Box::new(Method { name, exchange: Some(exchange), proof: None }));
                Turn::Wait
            }
            Some(Err(decision)) => self.handle_decision(now, *decision, work),
            None => {
                let detail = format!("expected a method that is offered, found `{name}`");
                let decision = Decision {
                    verdict: Verdict::Deny(ConnackReason::BadAuthenticationMethod),
                    decided_by: ByteString::from_static("none"),
                    why: Some(detail.into()),
                };
                self.handle_decision(now, decision, work)
            }
        }
    }

    /// What comes while the exchange goes on: AUTH, or a client that gives up [MQTT-3.1.2-30].
    pub(super) fn handle_exchange(&mut self, now: Now, buf: &mut BytesMut, work: &mut Workspace) -> Turn {
        let limits = self.decode_limits();
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        let offered_len = buf.len();
        let packet = match mqtt::decode(buf, Some(Version::V5), &limits) {
            Ok(None) => return Turn::Wait,
            Ok(Some(packet)) => packet,
            Err(error) => {
                buf.clear();
                return Turn::Over(Box::new(Ending { code: None, ..Ending::undecodable(&error) }));
            }
        };
        stranger.count_packet(now, offered_len - buf.len(), &self.hub);
        let wrong = |detail: String| {
            let ending = Ending::in_silence(DisconnectReason::ProtocolError).because(detail);
            Turn::Over(Box::new(ending))
        };
        let kind = packet.packet_type();
        if let Packet::Disconnect(disconnect) = packet {
            return Turn::Over(Box::new(Ending::by_client(disconnect.reason_code, disconnect.properties)));
        }
        let Packet::Auth(packet) = packet else {
            return wrong(format!("expected AUTH or DISCONNECT before CONNACK, found {kind}"));
        };
        let Some(method) = &mut stranger.method else { return Turn::Wait };
        if packet.reason_code != ReasonCode::ContinueAuthentication || !is_same_method(&packet, &method.name) {
            return wrong("expected AUTH to go on with the method of CONNECT".to_owned());
        }
        let Some(exchange) = method.exchange.take() else { return Turn::Wait };
        let data = Bytes::copy_from_slice(packet.properties.authentication_data().unwrap_or_default());
        let Some(credentials) = self.credentials() else { return Turn::Wait };
        let (decision, proof) = exchange.finish(&data, &credentials);
        if let Phase::Stranger(stranger) = &mut self.phase
            && let Some(method) = &mut stranger.method
        {
            method.proof = Some(proof);
        }
        self.handle_decision(now, decision, work)
    }
}

impl Link {
    /// Handles AUTH of a client that has a session: it proves itself once more. The end where it does not.
    pub(crate) fn handle_auth(&mut self, hub: &Hub, packet: &mqtt::Auth, fx: &mut Effects) -> Result<(), Ending> {
        let wrong = |detail: &'static str| {
            Err(Ending::by_broker(DisconnectReason::ProtocolError, ReasonCode::ProtocolError).because(detail))
        };
        let Some(mut method) = self.method.take() else {
            return wrong("expected no AUTH in a connection without an authentication method, found one");
        };
        if !is_same_method(packet, &method.name) {
            // [MQTT-4.12.1-1]
            return wrong("expected the authentication method of CONNECT");
        }
        let data = packet.properties.authentication_data();
        let answer = match (packet.reason_code, method.exchange.take()) {
            (ReasonCode::ReAuthenticate, _) => {
                match hub.auth.begin_exchange((&method.name, data), &self.credentials()) {
                    Some(Ok(exchange)) => {
                        let answer =
                            auth_packet(ReasonCode::ContinueAuthentication, &method.name, exchange.challenge());
                        method.exchange = Some(exchange);
                        answer
                    }
                    Some(Err(decision)) => return Err(not_proven(decision.why)),
                    None => return Err(not_proven(None)),
                }
            }
            (ReasonCode::ContinueAuthentication, Some(exchange)) => {
                let (decision, proof) = exchange.finish(data.unwrap_or_default(), &self.credentials());
                match decision.verdict {
                    Verdict::Allow(identity) if identity.username == self.identity.username => {
                        auth_packet(ReasonCode::Success, &method.name, &proof)
                    }
                    Verdict::Allow(_) => return Err(not_proven(Some("expected the same user as before".into()))),
                    Verdict::Deny(_) => return Err(not_proven(decision.why)),
                }
            }
            (_, _) => return wrong("expected AUTH to begin or to go on, found another reason code"),
        };
        self.method = Some(method);
        self.send(&answer, fx);
        Ok(())
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            client_id: &self.client.client_id,
            username: self.client.username.as_deref(),
            password: None,
            peer: self.peer.peername,
            listener: &self.peer.listener.name,
            certificate: self.peer.certificate(),
            at: self.traffic.last_packet.unwrap_or(self.peer.accepted).wall,
        }
    }
}

fn not_proven(why: Option<ByteString>) -> Ending {
    let ending = Ending::by_broker(DisconnectReason::NotAuthenticated, ReasonCode::NotAuthorized);
    Ending { detail: why, ..ending }
}

fn is_same_method(packet: &mqtt::Auth, name: &str) -> bool {
    packet.properties.authentication_method() == Some(name)
}

fn auth_packet(reason_code: ReasonCode, method: &str, data: &[u8]) -> Packet {
    let properties = with_method(Properties::builder(), method, data).build();
    Packet::Auth(mqtt::Auth { reason_code, properties })
}

fn with_method(builder: mqtt::PropertiesBuilder, method: &str, data: &[u8]) -> mqtt::PropertiesBuilder {
    const SHORT: &str = "a method that is offered and a message of ours are short";
    let builder = builder.authentication_method(method).expect(SHORT);
    if data.is_empty() { builder } else { builder.authentication_data(data).expect(SHORT) }
}
