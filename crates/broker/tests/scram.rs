//! SCRAM over real sockets, with a client written by hand after RFC 5802: it checks the signature of the broker too.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use auth::{Auth, AuthConfig, HashCost, SourceFile, StoreAs, UsersFile};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::{Bound, Broker, BrokerConfig, ListenerConfig, Observer};
use bytes::BytesMut;
use events::Event;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mqtt::{Connack, ConnackCode, Connect, Packet, Properties, ReasonCode, Sender, Version};
use sha2::{Digest as _, Sha256, Sha512};

struct Nobody;

impl Observer for Nobody {
    fn wants_publish(&self, _topic: &str) -> bool {
        false
    }

    fn published(&self, _event: &Event, _hops: u8) -> Option<broker::Awaited> {
        None
    }
}

/// A broker with the users `ann` and `bob`, who have SCRAM credentials, and `eve`, who has none.
async fn serve() -> (Broker, SocketAddr, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut users = UsersFile::open(&dir.path().join("users")).unwrap();
    users.add("ann", b"secret", &["crew"], StoreAs::Scram).unwrap();
    users.add("bob", b"secret", &[], StoreAs::Scram).unwrap();
    users.add("eve", b"secret", &[], &HashCost { memory_kib: 8, passes: 1, lanes: 1 }).unwrap();
    users.save().unwrap();
    let users_file = Some(SourceFile { path: "users".into(), required: true });
    let auth = Auth::open(&AuthConfig { users_file, acl_file: None, ..AuthConfig::default() }, dir.path()).unwrap();
    let broker = Broker::new(BrokerConfig::default(), auth, Arc::new(Nobody));
    let bound = broker.listen("default", ListenerConfig::new((Ipv4Addr::LOCALHOST, 0).into())).await.unwrap();
    let Bound::Tcp(address) = bound else { panic!("expected an address, found {bound:?}") };
    (broker, address, dir)
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    const fn method(self) -> &'static str {
        match self {
            Hash::Sha256 => "SCRAM-SHA-256",
            Hash::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn mac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => {
                Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
            }
            Hash::Sha512 => {
                Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
            }
        }
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// PBKDF2 for one block, which is as long as the hash: `Hi` of RFC 5802, 2.2.
    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut last = self.mac(password, &[salt, &[0, 0, 0, 1]].concat());
        let mut out = last.clone();
        for _ in 1..iterations {
            last = self.mac(password, &last);
            out.iter_mut().zip(&last).for_each(|(out, byte)| *out ^= byte);
        }
        out
    }
}

/// A client that proves itself.
struct Client {
    stream: TcpStream,
    received: BytesMut,
    hash: Hash,
    first_bare: String,
    /// What the signature of the broker has to be.
    signature: Vec<u8>,
}

impl Client {
    fn open(address: SocketAddr, hash: Hash) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { stream, received: BytesMut::new(), hash, first_bare: String::new(), signature: Vec::new() }
    }

    fn send(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        mqtt::encode(packet, Version::V5, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    fn next(&mut self) -> Option<Packet> {
        let limits = mqtt::Limits { sender: Sender::Server, ..mqtt::Limits::default() };
        loop {
            if let Some(packet) = mqtt::decode(&mut self.received, Some(Version::V5), &limits).unwrap() {
                return Some(packet);
            }
            let mut chunk = [0; 4096];
            let len = self.stream.read(&mut chunk).ok().filter(|len| *len > 0)?;
            self.received.extend_from_slice(&chunk[..len]);
        }
    }

    fn properties(&self, data: &[u8]) -> Properties {
        let builder = Properties::builder().authentication_method(self.hash.method()).unwrap();
        builder.authentication_data(data).unwrap().build()
    }

    fn first_message(&mut self, user: &str) -> Vec<u8> {
        self.first_bare = format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL");
        format!("n,,{}", self.first_bare).into_bytes()
    }

    fn send_connect(&mut self, user: &str) {
        let data = self.first_message(user);
        self.send(&connect(self.properties(&data)));
    }

    /// Answers a challenge with a proof.
    fn prove(&mut self, password: &[u8]) {
        let packet = self.next();
        let Some(Packet::Auth(packet)) = packet else { panic!("expected a challenge, found {packet:?}") };
        assert_eq!(packet.reason_code, ReasonCode::ContinueAuthentication);
        assert_eq!(packet.properties.authentication_method(), Some(self.hash.method()));
        let challenge = std::str::from_utf8(packet.properties.authentication_data().unwrap()).unwrap().to_owned();
        let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name)).unwrap().to_owned();
        let (nonce, salt) = (part("r="), STANDARD.decode(part("s=")).unwrap());
        let iterations: u32 = part("i=").parse().unwrap();
        assert!(nonce.len() > 40 && nonce.starts_with("fyko+d2lbbFgONRv9qkxdawL") && iterations >= 4096);

        let salted = self.hash.salted(password, &salt, iterations);
        let client_key = self.hash.mac(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={nonce}");
        let message = format!("{},{challenge},{without_proof}", self.first_bare);
        let of_client = self.hash.mac(&self.hash.digest(&client_key), message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&of_client).map(|(key, byte)| key ^ byte).collect();
        self.signature = self.hash.mac(&self.hash.mac(&salted, b"Server Key"), message.as_bytes());
        let data = format!("{without_proof},p={}", STANDARD.encode(proof));
        let properties = self.properties(data.as_bytes());
        self.send(&Packet::Auth(mqtt::Auth { reason_code: ReasonCode::ContinueAuthentication, properties }));
    }

    /// Checks that the broker knows the password as well.
    fn check_signature(&self, properties: &Properties) {
        assert_eq!(properties.authentication_method(), Some(self.hash.method()));
        let data = std::str::from_utf8(properties.authentication_data().unwrap()).unwrap();
        assert_eq!(STANDARD.decode(data.strip_prefix("v=").unwrap()).unwrap(), self.signature);
    }

    fn connack(&mut self) -> Connack {
        match self.next() {
            Some(Packet::Connack(connack)) => connack,
            other => panic!("expected CONNACK, found {other:?}"),
        }
    }
}

fn connect(properties: Properties) -> Packet {
    Packet::Connect(Box::new(Connect {
        version: Version::V5,
        clean_start: true,
        keepalive_s: 60,
        client_id: "c1".into(),
        username: None,
        password: None,
        will: None,
        properties,
        bridge: false,
    }))
}

fn refused(connack: &Connack) -> ReasonCode {
    match connack.code {
        ConnackCode::V5(code) => code,
        ConnackCode::V3(_) => panic!("expected a code of MQTT 5"),
    }
}

/// Runs a client on a thread that may block.
async fn with(address: SocketAddr, hash: Hash, act: impl FnOnce(Client) + Send + 'static) {
    tokio::task::spawn_blocking(move || act(Client::open(address, hash))).await.unwrap();
}

// proves 5: [MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-5]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_prove_that_they_know_the_password() {
    let (_broker, address, _dir) = serve().await;
    for hash in [Hash::Sha256, Hash::Sha512] {
        with(address, hash, |mut client| {
            client.send_connect("ann");
            client.prove(b"secret");
            let connack = client.connack();
            assert!(connack.code.is_success(), "{connack:?}");
            client.check_signature(&connack.properties);
            client.send(&Packet::Pingreq);
            assert_eq!(client.next(), Some(Packet::Pingresp));
        })
        .await;
    }
}

// proves 5: [MQTT-4.12.0-4]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_proofs_and_unknown_users_get_the_same_answer() {
    let (_broker, address, _dir) = serve().await;
    for (user, password) in [("ann", "Secret"), ("nobody", "secret"), ("eve", "secret")] {
        with(address, Hash::Sha256, move |mut client| {
            client.send_connect(user);
            client.prove(password.as_bytes());
            assert_eq!(refused(&client.connack()), ReasonCode::BadUsernameOrPassword, "{user}");
            assert_eq!(client.next(), None);
        })
        .await;
    }
}

// proves 5: [MQTT-4.12.0-1] [MQTT-3.1.2-30] [MQTT-4.12.0-5]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_exchange_is_refused() {
    let (_broker, address, _dir) = serve().await;
    with(address, Hash::Sha256, |mut client| {
        let properties = Properties::builder().authentication_method("PLAIN").unwrap().build();
        client.send(&connect(properties));
        assert_eq!(refused(&client.connack()), ReasonCode::BadAuthenticationMethod);
    })
    .await;
    with(address, Hash::Sha256, |mut client| {
        client.send(&connect(client.properties(b"nonsense")));
        assert_eq!(refused(&client.connack()), ReasonCode::NotAuthorized);
    })
    .await;
    // Anything but AUTH before CONNACK, and AUTH of another method, end the connection.
    with(address, Hash::Sha256, |mut client| {
        client.send_connect("ann");
        assert!(matches!(client.next(), Some(Packet::Auth(_))));
        client.send(&Packet::Pingreq);
        assert_eq!(client.next(), None);
    })
    .await;
    with(address, Hash::Sha256, |mut client| {
        client.send_connect("ann");
        client.hash = Hash::Sha512;
        let Some(Packet::Auth(_)) = client.next() else { panic!("expected a challenge") };
        let properties = client.properties(b"c=biws");
        client.send(&Packet::Auth(mqtt::Auth { reason_code: ReasonCode::ContinueAuthentication, properties }));
        assert_eq!(client.next(), None);
    })
    .await;
}

/// [4.12.1]: other packets go on meanwhile, and a proof that fails ends the connection.
// proves 5: [MQTT-4.12.1-1] [MQTT-4.12.1-2]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_proves_itself_once_more() {
    let (_broker, address, _dir) = serve().await;
    let reauthenticate = |client: &mut Client, user: &str| {
        let data = client.first_message(user);
        let properties = client.properties(&data);
        client.send(&Packet::Auth(mqtt::Auth { reason_code: ReasonCode::ReAuthenticate, properties }));
    };
    let connected = |client: &mut Client| {
        client.send_connect("ann");
        client.prove(b"secret");
        assert!(client.connack().code.is_success());
    };
    with(address, Hash::Sha256, move |mut client| {
        connected(&mut client);
        for _ in 0..2 {
            reauthenticate(&mut client, "ann");
            client.send(&Packet::Pingreq);
            client.prove(b"secret");
            assert_eq!(client.next(), Some(Packet::Pingresp));
            let Some(Packet::Auth(packet)) = client.next() else { panic!("expected a success") };
            assert_eq!(packet.reason_code, ReasonCode::Success);
            client.check_signature(&packet.properties);
        }
    })
    .await;
    for (user, password) in [("ann", "wrong"), ("bob", "secret")] {
        with(address, Hash::Sha256, move |mut client| {
            connected(&mut client);
            reauthenticate(&mut client, user);
            client.prove(password.as_bytes());
            let Some(Packet::Disconnect(disconnect)) = client.next() else { panic!("expected DISCONNECT") };
            assert_eq!(disconnect.reason_code, ReasonCode::NotAuthorized, "{user}");
            assert_eq!(client.next(), None);
        })
        .await;
    }
    with(address, Hash::Sha256, move |mut client| {
        connected(&mut client);
        client.hash = Hash::Sha512;
        reauthenticate(&mut client, "ann");
        let Some(Packet::Disconnect(disconnect)) = client.next() else { panic!("expected DISCONNECT") };
        assert_eq!(disconnect.reason_code, ReasonCode::ProtocolError, "[MQTT-4.12.1-1]");
    })
    .await;
}
