//! From the first bytes to CONNACK: who may have a session, and which.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use auth::{Ban, Credentials, Decision, Effect, Identity, Publishing, Verdict, host_network};
use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;
use events::{ConnackReason, DiscardCause, DisconnectReason, Kind, PermissionAction};
use mqtt::{Connack, Connect, DecodeError, Frame, Packet, Version, Will};

use super::asking::Admission;
use super::connack;
use super::facts::{Client, copied};
use super::finish::Fate;
use super::{Connection, Phase, Stranger, Turn, Workspace};
use crate::clock::Now;
use crate::config::ClientIdConfig;
use crate::ending::Ending;
use crate::hub::Hub;
use crate::mountpoint::Mount;
use crate::rate::{Meter, Rate, Share};
use crate::registry::{Core, Held, Slot};
use crate::session::inbound::{has_levels_at_most, is_reserved};
use crate::session::inbox::Order;
use crate::session::{Effects, Link, Session};
use crate::stats::add;
use crate::telling::{Announcement, Check, SessionEnd};

/// Why a CONNECT is refused.
struct Refusal {
    /// What the client is told, by its MQTT 5 name.
    reason: ConnackReason,
    /// Why the connection ends, as events say it.
    ending: DisconnectReason,
    /// What the client is told.
    detail: ByteString,
    /// What only events tell.
    why: Option<ByteString>,
    /// Where the client is to go instead.
    server: Option<ByteString>,
}

impl Refusal {
    fn new(reason: ConnackReason, ending: DisconnectReason, detail: impl Into<ByteString>) -> Refusal {
        Refusal { reason, ending, detail: detail.into(), why: None, server: None }
    }

    fn too_often(rate: Rate, whose: fmt::Arguments<'_>) -> Refusal {
        let detail = format!("expected at most {rate} CONNECTs of {whose}, found one more");
        let reason = ConnackReason::ConnectionRateExceeded;
        Refusal::new(reason, DisconnectReason::ConnectionRateExceeded, detail)
    }

    /// The client takes no packet as large as its CONNACK [MQTT-3.1.2-24].
    fn without_room(connack: &Connack) -> Refusal {
        let bytes_len = mqtt::encoded_len(&Packet::Connack(connack.clone()), Version::V5);
        let detail =
            format!("expected a Maximum-Packet-Size of at least {bytes_len}, which CONNACK has, found a lower one");
        Refusal::new(ConnackReason::ImplementationSpecificError, DisconnectReason::PacketTooLarge, detail)
    }

    fn banned(ban: &Ban) -> Refusal {
        Refusal::new(ConnackReason::Banned, DisconnectReason::Banned, ban.in_words())
    }
}

impl Connection {
    /// Bytes of somebody whose CONNECT is not accepted yet.
    pub(super) fn handle_first_bytes(&mut self, now: Now, buf: &mut BytesMut, work: &mut Workspace) -> Turn {
        let limits = self.decode_limits();
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        if stranger.method.is_some() {
            return self.handle_exchange(now, buf, work);
        }
        if stranger.connect.is_some() {
            // What comes behind CONNECT waits until it is decided about.
            return Turn::Wait;
        }
        let decoded = match mqtt::next_frame(buf, None, &limits) {
            Ok(Frame::Partial { .. }) => {
                stranger.traffic.count_bytes(0, buf.len(), &self.hub);
                return Turn::Wait;
            }
            Ok(Frame::Whole { len }) => {
                // A copy: what CONNECT says lives as long as the connection, the buffer is for all of them.
                let frame = Bytes::copy_from_slice(buf.get(..len).unwrap_or_default());
                buf.advance(len);
                stranger.count_packet(now, len, &self.hub);
                mqtt::decode_frame(frame, None, &limits)
            }
            Err(error) => {
                let other_protocol = mqtt::looks_like(buf);
                stranger.traffic.count_bytes(buf.len(), 0, &self.hub);
                buf.clear();
                if let Some(other) = other_protocol {
                    let ending = Ending::in_silence(DisconnectReason::NotMqtt).because(other.explanation());
                    return Turn::Over(Box::new(ending));
                }
                Err(error)
            }
        };
        match decoded {
            Ok(Packet::Connect(connect)) => self.handle_connect(now, connect, work),
            Ok(_) => Turn::Over(Box::new(Ending::in_silence(DisconnectReason::ProtocolError))),
            Err(error) => self.refuse_undecoded(&error, &mut work.fx),
        }
    }

    /// Who wants to connect, after [`Turn::Authenticate`].
    pub(crate) fn credentials(&self) -> Option<Credentials<'_>> {
        let Phase::Stranger(stranger) = &self.phase else { return None };
        let connect = stranger.connect.as_ref()?;
        Some(Credentials {
            client_id: &connect.client_id,
            username: connect.username.as_deref(),
            password: connect.password.as_deref(),
            peer: self.peer.peername,
            listener: &self.peer.listener.name,
            certificate: self.peer.certificate(),
            at: stranger.traffic.last_packet.unwrap_or(self.peer.accepted).wall,
        })
    }

    /// Handles what `auth` says.
    pub(crate) fn handle_decision(&mut self, now: Now, decision: Decision, work: &mut Workspace) -> Turn {
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        let Some(connect) = stranger.connect.take() else { return Turn::Wait };
        if let Some(client) = &stranger.client {
            self.hub.tell_authn(now, (&self.peer, client), &decision);
        }
        match decision.verdict {
            Verdict::Allow(identity) => self.admit(now, connect, identity, work),
            Verdict::Deny(reason) => {
                let ending = if reason == ConnackReason::NotAuthorized {
                    DisconnectReason::NotAuthorized
                } else if reason == ConnackReason::ServerBusy {
                    DisconnectReason::ServerBusy
                } else {
                    DisconnectReason::NotAuthenticated
                };
                let refusal = Refusal::new(reason, ending, reason.row().meaning);
                self.refuse(&connect, Refusal { why: decision.why, ..refusal }, &mut work.fx)
            }
        }
    }

    fn handle_connect(&mut self, now: Now, mut connect: Box<Connect>, work: &mut Workspace) -> Turn {
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        stranger.client = Some(Client::of_connect(&connect));
        if let Err(refusal) = self.check_connect(now, &connect) {
            return self.refuse(&connect, refusal, &mut work.fx);
        }
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        if connect.client_id.is_empty() {
            connect.client_id = assigned_client_id();
            stranger.has_assigned_id = true;
            if let Some(client) = &mut stranger.client {
                client.client_id = connect.client_id.clone();
            }
        }
        let wants_exchange = connect.properties.authentication_method().is_some();
        stranger.connect = Some(connect);
        if wants_exchange {
            return self.begin_exchange(now, work);
        }
        if self.meets_itself() {
            return Turn::Authenticate;
        }
        let decision = self.credentials().and_then(|credentials| self.hub.auth.check_fast(&credentials));
        match decision {
            Some(decision) => self.handle_decision(now, decision, work),
            None => Turn::Authenticate,
        }
    }

    /// Whether the client that wants to connect has a connection already. What it has said over that, a DISCONNECT
    /// perhaps, is to be heard before it loses it.
    pub(crate) fn meets_itself(&self) -> bool {
        let Phase::Stranger(stranger) = &self.phase else { return false };
        let Some(connect) = &stranger.connect else { return false };
        let slot = self.hub.registry.get(&connect.client_id);
        slot.is_some_and(|slot| slot.is_online.load(Ordering::Relaxed))
    }

    /// Whether CONNECT asks only for what there is, before anybody looks at who asks.
    fn check_connect(&self, now: Now, connect: &Connect) -> Result<(), Refusal> {
        let config = &self.peer.listener.config;
        if let Phase::Stranger(stranger) = &self.phase
            && stranger.is_surplus
        {
            let detail = format!("the listener holds {} connections already", config.max_connections);
            return Err(Refusal::new(ConnackReason::QuotaExceeded, DisconnectReason::TooManyConnection, detail));
        }
        if self.hub.is_stopping.load(Ordering::Relaxed) {
            let detail = "the broker is shutting down";
            return Err(Refusal::new(ConnackReason::ServerUnavailable, DisconnectReason::GoAway, detail));
        }
        if let Some(redirect) = &config.redirect {
            let reason = if redirect.permanent { ConnackReason::ServerMoved } else { ConnackReason::UseAnotherServer };
            let refusal = Refusal::new(reason, DisconnectReason::UseAnotherServer, redirect.server.clone());
            return Err(Refusal { server: Some(redirect.server.clone()), ..refusal });
        }
        if self.hub.memory.is_over() {
            add(&self.hub.counters.connects_refused_memory, 1);
            let detail = "the broker takes more memory than it may";
            return Err(Refusal::new(ConnackReason::ServerBusy, DisconnectReason::ServerBusy, detail));
        }
        let who = (&*connect.client_id, connect.username.as_deref());
        if let Some(ban) = self.hub.config.bans.find(who, self.peer.peername.ip(), now.wall) {
            return Err(Refusal::banned(&ban));
        }
        if let Some(accounts) = &self.hub.address_accounts {
            let host = host_network(self.peer.peername.ip());
            let taken = accounts.get(host).take_connect(now, &accounts.rates);
            taken.map_err(|rate| Refusal::too_often(rate, format_args!("the address `{host}`")))?;
        }
        let listener = &self.peer.listener;
        let taken = listener.account.take_connect(now, &config.rates);
        taken.map_err(|rate| Refusal::too_often(rate, format_args!("the listener `{}`", listener.name)))?;
        check_client_id(connect, &self.hub.config.client_id)?;
        connect.will.as_ref().map_or(Ok(()), |will| self.check_will(will))
    }

    fn check_will(&self, will: &Will) -> Result<(), Refusal> {
        let config = &self.peer.listener.config;
        let bad = |reason, detail: String| Err(Refusal::new(reason, DisconnectReason::BadWillMessage, detail));
        if is_reserved(&will.topic) || !has_levels_at_most(&will.topic, self.hub.config.limits.topic_levels_max) {
            let detail = format!("expected a will topic clients may publish to, found `{}`", will.topic);
            return bad(ConnackReason::TopicNameInvalid, detail);
        }
        if will.qos > config.max_qos {
            let detail = format!("expected a will of QoS {} at most, found {}", config.max_qos, will.qos);
            return bad(ConnackReason::QosNotSupported, detail);
        }
        if will.retain && !config.retain_available {
            return bad(ConnackReason::RetainNotSupported, "expected a will that is not retained".to_owned());
        }
        if self.hub.config.protocol.check_payload_format
            && will.properties.payload_format_indicator() == Some(true)
            && std::str::from_utf8(&will.payload).is_err()
        {
            let detail = "expected a will in UTF-8, as its format indicator says".to_owned();
            return bad(ConnackReason::ImplementationSpecificError, detail);
        }
        Ok(())
    }

    /// Answers a CONNECT that could not be decoded, where a CONNACK can be read by who sent it.
    fn refuse_undecoded(&mut self, error: &DecodeError, fx: &mut Effects) -> Turn {
        let ending = Ending { code: None, ..Ending::undecodable(error) };
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        if error.packet == Some(mqtt::PacketType::Connect)
            && let Some(client_id) = &error.client_id
        {
            let version = error.version.unwrap_or(Version::V311);
            stranger.client = Some(Client::undecoded(copied(client_id), version));
        }
        let Some((version, code)) = error.connack() else { return Turn::Over(Box::new(ending)) };
        fx.send(&Packet::Connack(Connack::refusal(code)), version);
        stranger.count_sent(fx, &self.hub);
        let reason = ConnackReason::ALL
            .iter()
            .copied()
            .find(|reason| (if version.is_v5() { reason.v5_code() } else { reason.v3_code() }) == Some(code.code()));
        if let Some(reason) = reason {
            let asked =
                if let mqtt::DecodeErrorKind::UnsupportedVersion(level) = error.kind { Some(level) } else { None };
            let unnamed = || Client::undecoded(ByteString::new(), version);
            let mut client = stranger.client.take().unwrap_or_else(unnamed);
            client.proto_ver = asked.unwrap_or(version.level());
            stranger.client = Some(client);
            let mut announcement = Announcement::undecoded(reason, code.code());
            announcement.detail = ending.detail.clone();
            stranger.refusal = Some(announcement);
        }
        Turn::Over(Box::new(ending))
    }

    fn refuse(&mut self, connect: &Connect, refusal: Refusal, fx: &mut Effects) -> Turn {
        let Refusal { reason, ending, detail, why, server } = refusal;
        let for_events = why.unwrap_or_else(|| detail.clone());
        let is_hidden = !self.peer.listener.config.tell_refusals && is_about_who_it_is(reason);
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        let told = match connect.version {
            Version::V5 if is_hidden => Some(ConnackReason::UnspecifiedError),
            Version::V5 => Some(reason),
            Version::V31 | Version::V311 => reason.before_v5(),
        };
        let answer = told.and_then(|told| Some((told, connack::code_of(told, connect.version)?)));
        if let Some((told, code)) = answer {
            let mut answer = Connack::refusal(code);
            if connect.version.is_v5() {
                let words = if is_hidden { None } else { Some(&*detail) };
                answer.properties = connack::refusal_properties(connect, words, server.as_deref());
            }
            if connack::fits(connect, &answer) {
                fx.send(&Packet::Connack(answer), connect.version);
                stranger.count_sent(fx, &self.hub);
            }
            let mut announcement = Announcement::new(connect, told);
            announcement.reason_v5 = reason;
            announcement.detail = Some(for_events.clone());
            stranger.refusal = Some(announcement);
        }
        Turn::Over(Box::new(Ending::in_silence(ending).because(for_events)))
    }

    /// Checks what can only be decided once it is known who the client is; gives where it is mounted.
    fn check_known(&self, now: Now, connect: &Connect, identity: &Identity) -> Result<Option<Mount>, Refusal> {
        let (client_id, username) = (&connect.client_id, identity.username.as_deref());
        // The name in CONNECT was asked about before; a token or certificate may have named another.
        if username != connect.username.as_deref()
            && let Some(ban) = self.hub.config.bans.find((client_id, username), self.peer.peername.ip(), now.wall)
        {
            return Err(Refusal::banned(&ban));
        }
        if let Some(accounts) = &self.hub.client_accounts {
            let taken = accounts.get(copied(client_id)).take_connect(now, &accounts.rates);
            taken.map_err(|rate| Refusal::too_often(rate, format_args!("the client `{client_id}`")))?;
        }
        let Some(mountpoint) = &self.peer.listener.config.mountpoint else { return Ok(None) };
        let username = username.or(connect.username.as_deref());
        let mount = mountpoint
            .of(client_id, username)
            .map_err(|detail| Refusal::new(ConnackReason::NotAuthorized, DisconnectReason::NotAuthorized, detail))?;
        if let Some(will) = connect.will.as_ref().filter(|will| mount.mounted(&will.topic).is_none()) {
            let detail = format!("expected a will topic that is short enough to be mounted, found `{}`", will.topic);
            return Err(Refusal::new(ConnackReason::TopicNameInvalid, DisconnectReason::BadWillMessage, detail));
        }
        Ok(Some(mount))
    }

    /// What the client draws on when it publishes.
    fn meter(&self, client_id: &ByteString) -> Option<Box<Meter>> {
        let Hub { client_accounts, address_accounts, .. } = &*self.hub;
        let listener = &self.peer.listener;
        let of_listener = Share { rates: listener.config.rates, account: Arc::clone(&listener.account) };
        let of_client =
            client_accounts.as_ref().map(|of| Share { rates: of.rates, account: of.get(copied(client_id)) });
        let host = || host_network(self.peer.peername.ip());
        let of_address = address_accounts.as_ref().map(|of| Share { rates: of.rates, account: of.get(host()) });
        Meter::new([Some(of_listener), of_client, of_address].into_iter().flatten())
    }

    /// Lets the client in, when it is known whether it may leave its will.
    fn admit(&mut self, now: Now, connect: Box<Connect>, identity: Identity, work: &mut Workspace) -> Turn {
        let mount = match self.check_known(now, &connect, &identity) {
            Ok(mount) => mount,
            Err(refusal) => return self.refuse(&connect, refusal, &mut work.fx),
        };
        // Before the permissions: an ACL that changes in between is read once more, not missed.
        let acl_version = self.hub.auth.acl_version();
        let permissions = self.hub.auth.permissions(&identity, &self.peer.connected());
        let admission = Admission { identity, mount, permissions, acl_version };
        if admission.question(&connect).is_none() {
            return self.let_in(now, &connect, admission, work);
        }
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        stranger.connect = Some(connect);
        stranger.admission = Some(Box::new(admission));
        Turn::Authenticate
    }

    /// Gives the client its session: a new one, or the one it had.
    pub(super) fn let_in(&mut self, now: Now, connect: &Connect, admission: Admission, work: &mut Workspace) -> Turn {
        let hub = Arc::clone(&self.hub);
        let Admission { identity, mount, permissions, acl_version } = admission;
        let may_not = |will: &&Will| {
            let what = Publishing { topic: &will.topic, qos: will.qos.into(), retain: will.retain };
            let auth::Check { effect, decided_by } = permissions.publish(&what);
            if hub.bus.wants(Kind::ClientCheckAuthzComplete)
                && let Phase::Stranger(stranger) = &self.phase
                && let Some(client) = &stranger.client
            {
                let (topic, source) = (copied(&will.topic), decided_by.into());
                let is_allowed = effect == Effect::Allow;
                let check = Check { topic, action: PermissionAction::Publish, is_allowed, source };
                hub.tell_authz(now, (&self.peer, client), check);
            }
            effect == Effect::Deny
        };
        if let Some(will) = connect.will.as_ref().filter(may_not) {
            let detail = format!("the client may not publish its will to `{}`", will.topic);
            let refusal = Refusal::new(ConnackReason::NotAuthorized, DisconnectReason::BadWillMessage, detail);
            return self.refuse(connect, refusal, &mut work.fx);
        }
        let Phase::Stranger(stranger) = &mut self.phase else { return Turn::Wait };
        let method = stranger.method.as_deref_mut();
        let config = &self.peer.listener.config;
        let connack = connack::accepting(connect, stranger.has_assigned_id, method, config, &hub.config);
        if !connack::fits(connect, &connack) {
            return self.refuse(connect, Refusal::without_room(&connack), &mut work.fx);
        }
        let Some(mut client) = stranger.client.take() else { return Turn::Wait };
        client.connected_at = Some(now.wall);
        if !identity.anonymous && identity.username.is_some() {
            // That of a token or certificate goes before what CONNECT says.
            client.username.clone_from(&identity.username);
        }
        let expires_ms = identity.expires_at.map(|at| now.mono_ms.saturating_add(at.since_ms(now.wall)));
        client.expiry_interval_s = connack::expiry_interval_s(connect, &hub.config.limits);
        let who = (Arc::clone(&self.peer), Arc::new(client));
        let mut link = Link::new(who, connect, (permissions, identity), &hub.config.limits);
        link.acl_version = acl_version;
        link.expires_mono_ms = expires_ms;
        link.method = stranger.method.take();
        link.traffic = stranger.traffic;
        if let Some(mount) = mount {
            link.mount_at(mount);
        }
        let slot = hub.open_session(now, (connect, connack), Box::new(link), work);
        self.phase = Phase::Client(slot, connect.version);
        self.meter = self.meter(&connect.client_id);
        Turn::Again
    }
}

impl Hub {
    /// Gives `link` the session of its client. What happened to the client before is told first, and its CONNACK is
    /// written into `work`.
    fn open_session(
        &self,
        now: Now,
        (connect, mut connack): (&Connect, Connack),
        mut link: Box<Link>,
        work: &mut Workspace,
    ) -> Arc<Slot> {
        loop {
            let slot = self.registry.get_or_insert(&link.client.client_id);
            let mut held = slot.hold();
            if held.is_dead {
                // Its last connection is just leaving the registry.
                let count = held.count;
                drop(held);
                self.registry.remove(&slot, count);
                continue;
            }
            let had_durable = slot.is_durable();
            let session_present = self.enter(now, &mut held, (connect, &link), work);
            let expiry_interval_s = link.client.expiry_interval_s;
            let who = (&*link.peer, &*link.client);
            let Core { session, count, .. } = &mut *held;
            let session = match session {
                Some(session) => {
                    session.expiry_interval_s = expiry_interval_s;
                    let queued_len = slot.inbox.lock().len();
                    self.tell_resumed(now, who, (session, queued_len), count);
                    session
                }
                None => {
                    let key = self.next_session_key();
                    slot.inbox.lock().reset(key, &self.queued_bytes);
                    let session = session.insert(Session::new(key, expiry_interval_s, now));
                    self.tell_created(now, who, session, count);
                    session
                }
            };
            connack.session_present = session_present;
            work.fx.send(&Packet::Connack(connack), connect.version);
            session.handle_resumed(&mut link);
            let mut announcement = Announcement::new(connect, connack::success(connect.version));
            announcement.session_present = session_present;
            held.announcement = Some(Box::new(announcement));
            let receiver = (Arc::clone(&link.peer), Arc::clone(&link.client));
            held.link = Some(link);
            // CONNACK says what the session is from now on, and that an earlier one is gone.
            if let Some(mark) = self.keep_online(&slot, &mut held, had_durable) {
                work.fx.notes.wait_for(mark, None);
            }
            held.count_sent(&mut work.fx, self);
            slot.is_online.store(true, Ordering::Relaxed);
            {
                let mut inbox = slot.inbox.lock();
                work.wakers.extend(inbox.attach(receiver));
                if self.is_stopping.load(Ordering::Relaxed) {
                    // Whoever tells all clients that the broker stops may have passed by before there was one here.
                    work.wakers.extend(inbox.give_order(Order::GoAway));
                }
            }
            add(&self.counters.connects_accepted, 1);
            drop(held);
            return slot;
        }
    }

    /// Ends what was there before; whether a session is left.
    fn enter(&self, now: Now, held: &mut Held<'_>, (connect, link): (&Connect, &Link), work: &mut Workspace) -> bool {
        // A session that was to end with its connection has ended, whatever the new one asks for [MQTT-3.1.2-23].
        let ends = held.link.is_some() && held.session.as_ref().is_some_and(|session| session.expiry_interval_s == 0);
        let by = link.peer.conn_id;
        let fate = if connect.clean_start {
            Fate::Ends(SessionEnd::Discarded(DiscardCause::CleanStart, Some(by)))
        } else if ends {
            Fate::Ends(SessionEnd::Discarded(DiscardCause::TakenOver, Some(by)))
        } else {
            Fate::Kept
        };
        self.take_over(now, held, (by, fate), &mut work.wakers);
        let was_parked = self.unpark(now, held, fate, &mut work.wakers);
        self.registry.count_online(was_parked);
        held.session.is_some()
    }
}

impl Stranger {
    pub(super) fn count_packet(&mut self, now: Now, bytes_len: usize, hub: &Hub) {
        self.traffic.packets_received += 1;
        self.traffic.last_packet = Some(now);
        self.traffic.count_bytes(bytes_len, 0, hub);
        add(&hub.counters.packets_received, 1);
    }

    pub(super) fn count_sent(&mut self, fx: &mut Effects, hub: &Hub) {
        let (bytes, packets) = fx.take_counts();
        self.traffic.packets_sent += packets;
        self.traffic.bytes_sent += bytes;
        add(&hub.counters.packets_sent, packets);
        add(&hub.counters.bytes_sent, bytes);
    }
}

fn check_client_id(connect: &Connect, rules: &ClientIdConfig) -> Result<(), Refusal> {
    let client_id = &connect.client_id;
    let wrong = |ending, detail: String| Err(Refusal::new(ConnackReason::ClientIdentifierNotValid, ending, detail));
    if client_id.len() > rules.max_len {
        let detail = format!("expected at most {} bytes, found {}", rules.max_len, client_id.len());
        return wrong(DisconnectReason::ClientIdTooLong, detail);
    }
    // [MQTT-3.1.3-8] of 3.1.1; MQTT 3.1 wants at least one character whatever the session.
    let is_required = match connect.version {
        Version::V31 => true,
        Version::V311 => !connect.clean_start,
        Version::V5 => false,
    };
    if client_id.is_empty() && is_required {
        let detail = "expected a client identifier for a session that is kept, found an empty one".to_owned();
        return wrong(DisconnectReason::ClientIdRequired, detail);
    }
    if client_id.chars().any(char::is_control) {
        let detail = format!("expected no control characters, found `{}`", client_id.escape_debug());
        return wrong(DisconnectReason::ClientIdInvalid, detail);
    }
    if let Some(pattern) = rules.pattern.as_ref().filter(|pattern| !client_id.is_empty() && !pattern.matches(client_id))
    {
        let detail = format!("expected an identifier that matches `{pattern}`, found `{client_id}`");
        return wrong(DisconnectReason::ClientIdInvalid, detail);
    }
    Ok(())
}

/// Whether a reason says something about users, bans or methods, which a stranger may learn from.
fn is_about_who_it_is(reason: ConnackReason) -> bool {
    [
        ConnackReason::BadUsernameOrPassword,
        ConnackReason::NotAuthorized,
        ConnackReason::Banned,
        ConnackReason::BadAuthenticationMethod,
    ]
    .contains(&reason)
}

/// An identifier nobody else has: 20 random digits and letters [MQTT-3.1.3-6].
fn assigned_client_id() -> ByteString {
    let letters: String = (0..20).map(|_| fastrand::alphanumeric()).collect();
    ByteString::from(format!("auto-{letters}"))
}
