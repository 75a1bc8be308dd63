//! Bytes and what they mean: every vector of `tests/vectors/*.txt` is decoded and encoded.
//!
//! A vector is a title, the bytes and what becomes of them:
//!
//! ```text
//! # [MQTT-3.3.1-4] QoS 3
//! 3.1,3.1.1,5 client  36 05 00 01 "t" 00 01
//! ! QosThree, `fixed header flags` at 0, malformed_packet
//! ```
//!
//! Before the bytes stand the versions and who sends them; `-` is a connection before its CONNECT. The bytes are hex
//! and quoted text. The last line begins with `=` for a packet that is encoded to the same bytes, `~` for one that has
//! a shorter form too, `!` for an error and `?` for a packet that is not whole yet. When versions differ in the result,
//! each has its own line. `BLESS=1` writes the results anew.

mod notation;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use mqtt::{Frame, Limits, Packet, PacketType, Sender, Version, decode, encode, encoded_len, next_frame};
use notation::{error_text, packet_text};

/// What tests of limits in the vectors need; every other vector is far below.
const PACKET_BYTES_MAX: u32 = 4096;

struct Vector {
    file: PathBuf,
    line: usize,
    /// Comment lines, the first of them the title.
    title: Vec<String>,
    versions: Vec<Option<Version>>,
    head: String,
    sender: Sender,
    bytes: Vec<u8>,
    results: Vec<String>,
}

#[test]
fn every_vector_decodes_and_encodes_as_written() {
    let mut count = 0;
    let mut packets = BTreeSet::new();
    let mut wrong = String::new();
    for file in files() {
        let vectors = parse(&file);
        count += vectors.len();
        if std::env::var_os("BLESS").is_some() {
            let text: Vec<String> = vectors.iter().map(blessed).collect();
            fs::write(&file, text.join("\n")).unwrap();
        }
        for vector in parse(&file) {
            let found = results(&vector);
            if found != vector.results {
                let place = format!("{}:{}", vector.file.display(), vector.line);
                writeln!(wrong, "{place} {}\n  expected {:?}\n     found {found:?}", vector.title[0], vector.results)
                    .unwrap();
            }
            packets.extend(decoded(&vector));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 200, "only {count} vectors were found");
    for version in [Version::V31, Version::V311, Version::V5] {
        for number in 1..=if version.is_v5() { 15 } else { 14 } {
            let packet = PacketType::try_from(number).unwrap();
            assert!(packets.contains(&(packet, version)), "no vector has a {packet} of MQTT {version}");
        }
    }
}

/// A stream that is cut anywhere gives the same packet, and never one too early.
#[test]
fn every_prefix_of_a_vector_is_partial_or_refused_alike() {
    for vector in files().iter().flat_map(|file| parse(file)) {
        for version in &vector.versions {
            let limits = limits(&vector);
            let whole = decode(&mut BytesMut::from(&vector.bytes[..]), *version, &limits);
            for len in 0..vector.bytes.len() {
                let mut prefix = BytesMut::from(&vector.bytes[..len]);
                match decode(&mut prefix, *version, &limits) {
                    Ok(None) => {
                        assert_eq!(prefix.len(), len, "a partial packet is left alone");
                        let Frame::Partial { needs } = next_frame(&prefix, *version, &limits).unwrap() else {
                            panic!("decode and next_frame disagree on {}", vector.title[0])
                        };
                        assert!(needs > len);
                    }
                    Ok(Some(packet)) => panic!("{} is whole after {len} bytes: {packet:?}", vector.title[0]),
                    Err(error) => assert_eq!(Err(error), whole, "{}", vector.title[0]),
                }
            }
        }
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .expect("the vectors lie beside the test");
    files.sort();
    assert!(!files.is_empty());
    files
}

fn limits(vector: &Vector) -> Limits {
    Limits { packet_bytes_max: PACKET_BYTES_MAX, sender: vector.sender }
}

/// One line for each version, or one line for all when they agree.
fn results(vector: &Vector) -> Vec<String> {
    let mut lines: Vec<String> = vector.versions.iter().map(|version| result(vector, *version)).collect();
    if lines.iter().all(|line| *line == lines[0]) {
        lines.truncate(1);
    }
    lines
}

fn result(vector: &Vector, version: Option<Version>) -> String {
    let limits = limits(vector);
    let mut buf = BytesMut::from(&vector.bytes[..]);
    match decode(&mut buf, version, &limits) {
        Ok(None) => match next_frame(&vector.bytes, version, &limits).expect("decode saw no error") {
            Frame::Partial { needs } => format!("? needs {needs} bytes"),
            Frame::Whole { len } => panic!("decode sees a partial packet where next_frame sees {len} bytes"),
        },
        Ok(Some(packet)) => {
            assert!(buf.is_empty(), "{}: more bytes than one packet", vector.title[0]);
            let mark = if encoded(&packet, version, vector) == vector.bytes { '=' } else { '~' };
            format!("{mark} {}", packet_text(&packet))
        }
        Err(error) => format!("! {}", error_text(&error)),
    }
}

/// Which packets of which versions the vector is.
fn decoded(vector: &Vector) -> Vec<(PacketType, Version)> {
    let packet = |version: &Option<Version>| {
        let packet = decode(&mut BytesMut::from(&vector.bytes[..]), *version, &limits(vector)).ok()??;
        Some((packet.packet_type(), written_in(&packet, *version)))
    };
    vector.versions.iter().filter_map(packet).collect()
}

fn written_in(packet: &Packet, version: Option<Version>) -> Version {
    match (packet, version) {
        (Packet::Connect(connect), _) => connect.version,
        (_, version) => version.expect("before CONNECT there is only CONNECT"),
    }
}

/// Encodes a decoded packet; what comes out must decode to the same.
fn encoded(packet: &Packet, version: Option<Version>, vector: &Vector) -> Vec<u8> {
    let written_in = written_in(packet, version);
    let mut out = BytesMut::new();
    encode(packet, written_in, &mut out).expect("what was decoded can be written");
    assert_eq!(out.len(), encoded_len(packet, written_in), "{}", vector.title[0]);
    let again =
        mqtt::decode_frame(Bytes::copy_from_slice(&out), version, &limits(vector)).expect("we read what we write");
    assert_eq!(&again, packet, "{}", vector.title[0]);
    out.to_vec()
}

fn blessed(vector: &Vector) -> String {
    let mut text = String::new();
    for line in &vector.title {
        text += &format!("# {line}\n");
    }
    text += &format!("{}\n", vector.head);
    for line in results(vector) {
        text += &format!("{line}\n");
    }
    text
}

fn parse(file: &Path) -> Vec<Vector> {
    let text = fs::read_to_string(file).expect("the folder lists it");
    let mut vectors = Vec::new();
    let mut title: Vec<String> = Vec::new();
    let mut open: Option<Vector> = None;
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() {
            vectors.extend(open.take());
        } else if let Some(comment) = line.strip_prefix("# ") {
            title.push(comment.to_owned());
        } else if let Some(vector) = &mut open {
            vector.results.push(line.to_owned());
        } else {
            open = Some(head(file, index + 1, std::mem::take(&mut title), line));
        }
    }
    vectors.extend(open);
    vectors
}

fn head(file: &Path, line: usize, title: Vec<String>, text: &str) -> Vector {
    assert!(!title.is_empty(), "{}:{line} has no title", file.display());
    let [versions, sender, bytes] = text.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("{}:{line}: expected versions, sender and bytes", file.display())
    };
    let version = |name| match name {
        "-" => None,
        "3.1" => Some(Version::V31),
        "3.1.1" => Some(Version::V311),
        "5" => Some(Version::V5),
        other => panic!("{}:{line}: no version `{other}`", file.display()),
    };
    let sender = match sender {
        "client" => Sender::Client,
        "server" => Sender::Server,
        other => panic!("{}:{line}: no sender `{other}`", file.display()),
    };
    Vector {
        file: file.to_owned(),
        line,
        title,
        versions: versions.split(',').map(version).collect(),
        head: text.to_owned(),
        sender,
        bytes: notation::bytes(bytes),
        results: Vec::new(),
    }
}
