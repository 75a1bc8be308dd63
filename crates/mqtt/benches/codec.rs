//! What a packet costs: PUBLISH in and out, and CONNECT in.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mqtt::{
    Ack, Connect, Limits, Packet, PacketId, Properties, Publish, PublishParts, QoS, Version, decode, encode,
    encode_publish,
};
use tokio_util::codec::Decoder;

const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];
/// Packets in a buffer, as a busy connection has them after one read.
const BATCH: usize = 64;

fn publish(version: Version, qos: QoS, payload_bytes: usize) -> Publish {
    let properties = if version.is_v5() {
        let builder = Properties::builder().message_expiry_interval_s(60).user_property("site", "plant-4");
        builder.expect("the property is short").build()
    } else {
        Properties::new()
    };
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: "plant/4/line/12/pump-17/temperature".into(),
        packet_id: if qos == QoS::AtMostOnce { None } else { PacketId::new(1) },
        properties,
        payload: vec![b'x'; payload_bytes].into(),
    }
}

fn frames(packet: &Packet, version: Version) -> BytesMut {
    let mut out = BytesMut::new();
    for _ in 0..BATCH {
        encode(packet, version, &mut out).expect("the packet is short");
    }
    out
}

fn decoding(c: &mut Criterion) {
    let limits = Limits::default();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut bench = |name: String, packet: &Packet, version: Option<Version>, written_in: Version| {
        let stream = frames(packet, written_in);
        group.bench_function(name, |b| {
            b.iter_batched(
                || stream.clone(),
                |mut buf| {
                    while let Some(packet) = decode(&mut buf, version, &limits).expect("the packets are well-formed") {
                        black_box(packet);
                    }
                    buf
                },
                BatchSize::SmallInput,
            );
        });
    };
    for version in VERSIONS {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            for payload_bytes in [64, 256, 4096] {
                let packet = Packet::Publish(publish(version, qos, payload_bytes));
                bench(format!("publish {version} qos{qos} {payload_bytes} B"), &packet, Some(version), version);
            }
        }
        let connect = Packet::Connect(Box::new(Connect {
            version,
            clean_start: true,
            keepalive_s: 60,
            client_id: "pump-17".into(),
            username: Some("plant-4".into()),
            password: Some(Bytes::from_static(b"secret")),
            will: None,
            properties: Properties::builder().session_expiry_interval_s(3600).build(),
            bridge: false,
        }));
        bench(format!("connect {version}"), &connect, None, version);
        let puback = Packet::Puback(Ack::new(PacketId::MIN));
        bench(format!("puback {version}"), &puback, Some(version), version);
    }
    group.finish();
}

/// The same PUBLISH for a codec of another make, as a yardstick.
fn yardstick(c: &mut Criterion) {
    let packet = Packet::Publish(publish(Version::V5, QoS::AtLeastOnce, 64));
    let stream = frames(&packet, Version::V5);
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("publish 5 qos1 64 B, rmqtt-codec", |b| {
        b.iter_batched(
            || stream.clone(),
            |mut buf| {
                let mut codec = rmqtt_codec::v5::Codec::new(0, 0);
                while let Some(packet) = codec.decode(&mut buf).expect("the packets are well-formed") {
                    black_box(packet);
                }
                buf
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn encoding(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(BATCH as u64));
    for version in VERSIONS {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            for payload_bytes in [64, 256, 4096] {
                let publish = publish(version, qos, payload_bytes);
                let mut out = BytesMut::with_capacity(BATCH * (payload_bytes + 128));
                group.bench_function(format!("publish {version} qos{qos} {payload_bytes} B"), |b| {
                    b.iter(|| {
                        out.clear();
                        for _ in 0..BATCH {
                            encode_publish(black_box(&publish.parts()), version, &mut out)
                                .expect("the packet is short");
                        }
                    });
                });
            }
        }
    }
    let publish = publish(Version::V5, QoS::AtLeastOnce, 64);
    let mut out = BytesMut::with_capacity(BATCH * 256);
    group.bench_function("publish 5 qos1 64 B with subscription identifier and expiry", |b| {
        b.iter(|| {
            out.clear();
            for _ in 0..BATCH {
                let parts =
                    PublishParts { subscription_ids: &[7], message_expiry_interval_s: Some(59), ..publish.parts() };
                encode_publish(black_box(&parts), Version::V5, &mut out).expect("the packet is short");
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decoding, yardstick, encoding);
criterion_main!(benches);
